import { VISIBILITY_LIMIT_MS } from '../capture.ts'
import { pointInAnyState } from '../contracts/records.ts'
import type { discardPoint as contract } from '../contracts/tasks.ts'
import { pointIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import type { Catalog, Clock, Locks, Snapshots } from '../ports.ts'
import { TAGS } from '../tags.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly snapshots: Pick<Snapshots, 'tagged' | 'ensureDeleted'>
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
  readonly locks: Pick<Locks, 'release'>
  readonly clock: Clock
  readonly owner: string
}

/**
 * Leaves nothing of a point that will never be complete. Snapshots are found by their tags, not by the record: the record of
 * a capture whose answer was lost does not name them. The point may have been reserved by a try whose answer was lost too,
 * so its id is made of the run when it is not given.
 */
export const discardPoint =
  ({ snapshots, catalog, locks, clock, owner }: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, point: given, error, cause }) => {
    const id = given ?? (await pointIdOf(run))
    const point = await catalog.point(machine, id)
    let deletedSnapshotCount = 0
    // A point that was completed by a try whose answer was lost is a good point, whatever the run ends with.
    if (point && point.state !== 'complete') {
      const made = await snapshots.tagged({ [TAGS.owner]: owner, [TAGS.point]: id, [TAGS.run]: run })
      if (point.state === 'capturing' && made.length < point.members.length && msBetween(point.askedAt, clock.now()) < VISIBILITY_LIMIT_MS)
        throw new TandemError('NotVisibleYet', `The snapshots asked for at ${point.askedAt} for ${id} may still appear.`)
      for (const { snapshot } of made) await snapshots.ensureDeleted(snapshot)
      deletedSnapshotCount = made.length
      await catalog.advancePoint(['reserved', 'capturing', 'captured'], {
        ...pointInAnyState.parse(point),
        state: 'failed',
        failedAt: clock.now(),
        failure: { error, cause },
      })
    }
    await locks.release(machine, run)
    return { deletedSnapshotCount }
  }
