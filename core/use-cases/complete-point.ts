import { requireComplete } from '../capture.ts'
import type { completePoint as contract } from '../contracts/tasks.ts'
import { TandemError } from '../errors.ts'
import type { Catalog, Clock, Snapshots } from '../ports.ts'
import { isCaptured } from '../record-states.ts'
import { requirePoint } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly snapshots: Pick<Snapshots, 'observe'>
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
  readonly clock: Clock
}

/** Calls the point complete after a last look at every member (invariant 1). */
export const completePoint =
  ({ snapshots, catalog, clock }: Ports): TaskOf<typeof contract> =>
  async ({ machine, point: id }) => {
    const point = await requirePoint(catalog, machine, id)
    if (!isCaptured(point)) throw new TandemError('LostRace', `Point ${id} is ${point.state}: it cannot be completed.`)
    if (point.state === 'captured') {
      requireComplete(point, await snapshots.observe(point.members.map(({ snapshot }) => snapshot)))
      await catalog.advancePoint(['captured'], { ...point, state: 'complete', completedAt: clock.now() })
    }
    return { point: id, snapshotCount: point.members.length, capturedAt: point.capturedAt }
  }
