import { snapshotsAskedAt, VISIBILITY_LIMIT_MS } from '../capture.ts'
import { pointInAnyState, type Failure, type PointIn, type PointRecord } from '../contracts/records.ts'
import type { discardPoint as contract } from '../contracts/tasks.ts'
import { pointIdOf } from '../derived-ids.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import type { Catalog, Clock, Executions, Locks, Snapshots } from '../ports.ts'
import { isFinalPoint } from '../record-states.ts'
import { TAGS } from '../tags.ts'
import type { TaskOf } from './task-of.ts'

export interface DiscardPorts {
  readonly snapshots: Pick<Snapshots, 'tagged' | 'ensureDeleted'>
  readonly catalog: Pick<Catalog, 'advancePoint'>
  readonly clock: Clock
  readonly owner: string
}

interface Ports extends DiscardPorts {
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
  readonly locks: Pick<Locks, 'release'>
}

/**
 * Leaves nothing of a point that will never be complete and lets go of the machine. The point may have been reserved by a try
 * whose answer was lost, so its id is made of the run when it is not given.
 */
export const discardPoint =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, point: given, error, cause }) => {
    const point = await ports.catalog.point(machine, given ?? (await pointIdOf(run)))
    const deletedSnapshotCount = point ? await discard(ports, point, { error, cause }) : 0
    await ports.locks.release(machine, run)
    return { deletedSnapshotCount }
  }

/**
 * Deletes the snapshots of a point and calls it failed; returns how many there were. Snapshots are found by their tags, not by the
 * record: the record of a capture whose answer was lost does not name them. Repeating it changes nothing. A point that was
 * completed by a try whose answer was lost is a good point, whatever its run ended with.
 */
export async function discard(ports: DiscardPorts, point: PointRecord, failure: Failure): Promise<number> {
  const { snapshots, catalog, clock, owner } = ports
  if (isFinalPoint(point)) return 0
  const open = point.state === 'captured' ? await takeBack(ports, point) : point
  const made = await snapshots.tagged({ [TAGS.owner]: owner, [TAGS.point]: point.point, [TAGS.run]: point.run })
  const mayAppear = open.state === 'capturing' && made.length < open.members.length
  if (mayAppear && msBetween(open.askedAt, clock.now()) < VISIBILITY_LIMIT_MS)
    throw new TandemError(
      'NotVisibleYet',
      `The snapshots asked for at ${open.askedAt} for ${point.point} may still appear.`,
    )
  for (const { snapshot } of made) await snapshots.ensureDeleted(snapshot)
  // Only from the state in which it was found: a Lambda of a dead run may have asked for snapshots since.
  await catalog.advancePoint([open.state], {
    ...pointInAnyState.parse(point),
    state: 'failed',
    failedAt: clock.now(),
    failure,
  })
  return made.length
}

/**
 * Back to `capturing` before anything is deleted: a CompletePoint that looked while all snapshots were there loses the race
 * against this, instead of calling a point complete whose snapshots are gone.
 */
async function takeBack({ catalog }: DiscardPorts, point: PointIn<'captured'>): Promise<PointIn<'capturing'>> {
  const open: PointIn<'capturing'> = {
    ...pointInAnyState.parse(point),
    state: 'capturing',
    askedAt: snapshotsAskedAt(point),
  }
  await catalog.advancePoint(['captured'], open)
  return open
}

/** The next run of a machine comes soon after the one that died: what it left is among the latest points. */
const SETTLED_POINTS_LIMIT = 20

/**
 * Discards what runs that are dead left open on this machine; the caller holds its lock.
 * @param concerns leaves others alone
 */
export async function discardAbandonedPoints(
  ports: DiscardPorts & {
    readonly catalog: Pick<Catalog, 'points'>
    readonly executions: Pick<Executions, 'isRunning'>
  },
  machine: string,
  run: string,
  concerns: (point: PointRecord) => boolean = () => true,
): Promise<void> {
  const { points } = await ports.catalog.points(machine, { limit: SETTLED_POINTS_LIMIT })
  for (const point of points) {
    if (isFinalPoint(point) || point.run === run || !concerns(point) || (await ports.executions.isRunning(point.run)))
      continue
    try {
      await discard(ports, point, { error: 'RunEnded', cause: `Its run ended before it did; tidied up by ${run}.` })
    } catch (error) {
      if (!isTandemError(error, 'LostRace')) throw error
      // The run is dead, its last Lambda is not: it is soon, and then it is known what it did.
      throw new TandemError('MachineBusy', `The last task of ${point.run} is still at work on ${point.point}.`, {
        cause: error,
      })
    }
  }
}
