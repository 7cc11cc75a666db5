import { exclusions, matchMembers, refuseChangedLayout, VISIBILITY_LIMIT_MS } from '../capture.ts'
import { pointInAnyState, type PointIn, type PointRecord } from '../contracts/records.ts'
import type { createSnapshots as contract } from '../contracts/tasks.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import type { Catalog, Clock, Locks, Machines, ObservedSnapshot, Snapshots } from '../ports.ts'
import { isCaptured } from '../record-states.ts'
import { RESOURCE_ROLES, TAGS } from '../tags.ts'
import { requirePoint } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly machines: Pick<Machines, 'observe'>
  readonly snapshots: Pick<Snapshots, 'createSet' | 'tagged'>
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
  readonly locks: Pick<Locks, 'release'>
  readonly clock: Clock
  readonly owner: string
}

/**
 * The instant of the point: one CreateSnapshots for all members.
 *
 * CreateSnapshots has no client token, so a second call would make a second set. Before the call the point is marked
 * `capturing`; who finds it so (a retry after a lost answer, a time-out, a crash) looks for the set by its tags and asks
 * again only when none has appeared for as long as EC2 may hide one.
 */
export const createSnapshots =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, point: id }) => {
    const point = await requirePoint(ports.catalog, machine, id)
    const captured = isCaptured(point) ? point : await capture(ports, point, run)
    // From here on the disks may be swapped: what the point holds is fixed.
    await ports.locks.release(machine, run)
    return { snapshotCount: captured.members.length, capturedAt: captured.capturedAt }
  }

async function capture(ports: Ports, point: PointRecord, run: string): Promise<PointIn<'captured'>> {
  const { catalog } = ports
  if (point.state !== 'reserved' && point.state !== 'capturing')
    throw new TandemError('LostRace', `Point ${point.point} is ${point.state}: another try of this run gave it up.`)
  const set = (point.state === 'capturing' && (await earlierSet(ports, point))) || (await createSet(ports, point, run))
  const { members, capturedAt } = matchMembers(point, set)
  const captured: PointIn<'captured'> = { ...pointInAnyState.parse(point), state: 'captured', members, capturedAt }
  await catalog.advancePoint(['capturing'], captured)
  return captured
}

const tagsOf = (ports: Ports, point: PointRecord, run: string) => ({
  [TAGS.owner]: ports.owner,
  [TAGS.point]: point.point,
  [TAGS.machine]: point.machine,
  [TAGS.run]: run,
  [TAGS.role]: RESOURCE_ROLES.member,
})

/** What an earlier try made, if anything. Throws NotVisibleYet while something may still appear. */
async function earlierSet(ports: Ports, point: PointIn<'capturing'>): Promise<ObservedSnapshot[] | undefined> {
  const { snapshots, clock } = ports
  const found = await snapshots.tagged({ [TAGS.point]: point.point, [TAGS.run]: point.run })
  if (found.length >= point.members.length) return found
  if (msBetween(point.askedAt, clock.now()) < VISIBILITY_LIMIT_MS)
    throw new TandemError(
      'NotVisibleYet',
      `CreateSnapshots was asked for ${point.point} at ${point.askedAt} and its answer is not known; ${found.length} of ${point.members.length} snapshots are shown.`,
    )
  return found.length > 0 ? found : undefined
}

async function createSet(
  ports: Ports,
  point: PointIn<'reserved' | 'capturing'>,
  run: string,
): Promise<ObservedSnapshot[]> {
  const { machines, snapshots, catalog, clock } = ports
  refuseChangedLayout(point, await machines.observe(point.machine))
  const asked: PointIn<'capturing'> = { ...point, state: 'capturing', askedAt: clock.now() }
  // Only from the state in which it was found: of two tries that found it reserved at once, one may ask.
  const advance = await catalog.advancePoint([point.state], asked)
  if (advance === 'already')
    throw new TandemError('NotVisibleYet', `Another try of this run is asking for the snapshots of ${point.point}.`)
  try {
    return await snapshots.createSet(
      point.machine,
      exclusions(point),
      tagsOf(ports, point, run),
      `Tandem ${point.point} of ${point.machine}`,
    )
  } catch (error) {
    // Refused is known to have made nothing: the next try may ask at once. Unavailable is not known.
    if (isTandemError(error) && error.name !== 'AwsUnavailable') {
      await catalog.advancePoint(['capturing'], { ...pointInAnyState.parse(asked), state: 'reserved' })
    }
    throw error
  }
}
