import { snapshotsAskedAt, VISIBILITY_LIMIT_MS } from '../capture.ts'
import type { PointIn } from '../contracts/records.ts'
import type * as tasks from '../contracts/tasks.ts'
import { TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import type { Catalog, Clock } from '../ports.ts'
import { isCaptured } from '../record-states.ts'
import { startWait, type WaitPorts } from '../waits.ts'
import { requirePoint, requireRevert } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends WaitPorts {
  readonly catalog: Pick<Catalog, 'point' | 'revert'>
  readonly clock: Clock
}

/** The four states that wait in a run's middle: each says what for; core/waits.ts says how. */
export const awaitSnapshots =
  (ports: Ports): TaskOf<typeof tasks.awaitSnapshots> =>
  async ({ machine, point: id, token }) => {
    const point = await requirePoint(ports.catalog, machine, id)
    if (!isCaptured(point))
      throw new TandemError('LostRace', `Point ${id} is ${point.state}, so there are no snapshots to wait for.`)
    const resources = point.members.map(({ snapshot }) => snapshot)
    await refuseDeleted(ports, point, resources)
    await startWait(ports, { kind: 'snapshots-completed', token, resources, registeredAt: ports.clock.now() })
    return {}
  }

/** A snapshot that somebody deleted will never be complete; "not shown" means so only some time after it was made. */
async function refuseDeleted(
  { snapshots, clock }: Ports,
  point: PointIn<'captured' | 'complete'>,
  resources: readonly string[],
): Promise<void> {
  if (msBetween(snapshotsAskedAt(point), clock.now()) < VISIBILITY_LIMIT_MS) return
  const shown = new Set((await snapshots.observe(resources)).map(({ snapshot }) => snapshot))
  const missing = resources.filter((id) => !shown.has(id))
  if (missing.length > 0)
    throw new TandemError(
      'SnapshotMissing',
      `${missing.join(', ')} of point ${point.point} was deleted before it was complete. The point is given up; the next run makes another.`,
    )
}

/** The volumes that CreateVolumes made; an undo has none to make, and those it needs were found available by the preflight. */
export const awaitVolumes =
  (ports: Ports): TaskOf<typeof tasks.awaitVolumes> =>
  async ({ machine, revert: id, token }) => {
    const { disks } = await requireRevert(ports.catalog, machine, id)
    const resources = disks.flatMap(({ incoming }) => incoming.volume ?? [])
    await startWait(ports, { kind: 'volumes-available', token, resources, registeredAt: ports.clock.now() })
    return {}
  }

export const awaitStopped =
  (ports: Ports): TaskOf<typeof tasks.awaitStopped> =>
  async ({ machine, token }) => {
    await startWait(ports, { kind: 'machine-stopped', token, resources: [machine], registeredAt: ports.clock.now() })
    return {}
  }

export const awaitRunning =
  (ports: Ports): TaskOf<typeof tasks.awaitRunning> =>
  async ({ machine, revert: id, token }) => {
    const { wasRunning } = await requireRevert(ports.catalog, machine, id)
    if (wasRunning)
      await startWait(ports, { kind: 'machine-running', token, resources: [machine], registeredAt: ports.clock.now() })
    else await ports.executions.succeed(token, {})
    return {}
  }
