import { pointInAnyState, type PointIn, type PointRecord } from '../contracts/records.ts'
import type { startSnapshots as contract } from '../contracts/recovery-tasks.ts'
import type { NewSnapshot, SnapshotBlocks } from '../copy-ports.ts'
import { snapshotTokenOf } from '../derived-ids.ts'
import { isTandemError, TandemError } from '../errors.ts'
import type { Catalog, Clock } from '../ports.ts'
import { isCaptured } from '../record-states.ts'
import { RESOURCE_ROLES, TAGS } from '../tags.ts'
import { requireRecovery, type RecoveredPoint } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
  readonly blocks: Pick<SnapshotBlocks, 'start'>
  readonly clock: Clock
  readonly owner: string
}

/**
 * A snapshot for each disk that is written back, empty and open for its blocks. Every try asks with the same tokens, so that it
 * gets the same snapshots; the point is marked `capturing` before, so that who gives it up knows that some may still appear.
 */
export const startSnapshots =
  (ports: Ports): TaskOf<typeof contract> =>
  async (subject) => {
    const point = await requireRecovery(ports.catalog, subject)
    if (point.state === 'failed')
      throw new TandemError('LostRace', `Point ${point.point} was given up by another try of this run.`)
    if (!isCaptured(point)) await start(ports, point)
    return { snapshotCount: point.members.length }
  }

async function start({ catalog, blocks, clock, owner }: Ports, point: RecoveredPoint): Promise<void> {
  const askedAt = clock.now()
  const common = { ...pointInAnyState.parse(point), recovery: { ...point.recovery, snapshotsAskedAt: askedAt } }
  await catalog.advancePoint([point.state], { ...common, state: 'capturing', askedAt })
  const members: PointIn<'captured'>['members'] = []
  for (const member of common.members) {
    const snapshot = await blocks.start(await orderOf(owner, point, member)).catch(explainKey(member.volume))
    members.push({ ...member, snapshot })
  }
  const { capturedAt } = point.recovery
  await catalog.advancePoint(['capturing'], { ...common, state: 'captured', members, capturedAt })
}

/** A disk's turn comes late: a proxy writes one after the other, of Lambdas five are at work at a time. Less is better: a snapshot that is given up stays until then. */
const PATIENCE_MINUTES = { direct: 3 * 60, proxy: 24 * 60 } as const

async function orderOf(
  owner: string,
  { machine, point, run, recovery }: RecoveredPoint,
  { volume, device, specification }: PointRecord['members'][number],
): Promise<NewSnapshot> {
  const kmsKey = recovery.kmsKey ?? specification.kmsKey
  return {
    sizeGiB: specification.sizeGiB,
    description: `Tandem ${point} of ${machine}: ${device} (${volume}) as in ${recovery.point}, from vault ${recovery.vault}`,
    tags: {
      [TAGS.owner]: owner,
      [TAGS.point]: point,
      [TAGS.machine]: machine,
      [TAGS.run]: run,
      [TAGS.role]: RESOURCE_ROLES.member,
    },
    encrypted: specification.encrypted || recovery.kmsKey !== undefined,
    ...(kmsKey === undefined ? {} : { kmsKey }),
    patienceMinutes: PATIENCE_MINUTES[recovery.path],
    clientToken: await snapshotTokenOf(point, volume),
  }
}

/** The key of a lost disk may be lost too, or be one of another account. */
const explainKey =
  (volume: string) =>
  (error: unknown): never => {
    if (!isTandemError(error, 'InvalidInput')) throw error
    throw new TandemError(
      'InvalidInput',
      `${error.message} That is the key of ${volume}; name another one: {"machine":"i-…","kmsKey":"alias/…"}`,
      { cause: error },
    )
  }
