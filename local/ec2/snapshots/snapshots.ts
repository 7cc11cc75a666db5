/** CreateSnapshots, CreateSnapshot and DeleteSnapshot (AWS facts A.1, A.2, A.7). */
import type {
  CreateSnapshotRequest,
  CreateSnapshotsRequest,
  CreateSnapshotsResult,
  DeleteSnapshotRequest,
  InstanceSpecification,
  Snapshot as SnapshotOutput,
  Tag,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { capture } from './capture.ts'
import type { CapturePair } from './capture.ts'
import { SNAPSHOT_INTERVAL_MS } from '../delays.ts'
import { toSnapshotInfo, toSnapshotOutput } from './describe-snapshots.ts'
import { INSTANCE, VOLUME, find } from '../ids.ts'
import { imageUsing } from '../images/use.ts'
import { isLocked } from './locks.ts'
import type { Account } from '../model.ts'
import type { Instance } from '../instances/model.ts'
import type { PendingSnapshot, Snapshot } from './model.ts'
import type { Volume } from '../volumes/model.ts'
import { checkQuota } from '../quotas.ts'
import { invalidValue, operation, required, supportOnly } from '../request.ts'
import { ownSnapshot } from './shares.ts'
import { forget, letComplete } from './snapshot-states.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { pendingSnapshotsMax } from '../volumes/volume-types.ts'

const VOLUMES_MAX = 128
const EXCLUDED_MAX = 40

interface SnapshotPlan {
  readonly volume: Volume
  readonly tags: Map<string, string>
}

/** @throws AwsError IncorrectState, ConcurrentSnapshotLimitExceeded, SnapshotCreationPerVolumeRateExceeded */
export function checkMayBeSnapshotted({ clock }: Account, volume: Volume): void {
  if (volume.state !== 'available' && volume.state !== 'in-use')
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
  if (volume.pendingSnapshots >= pendingSnapshotsMax(volume.type))
    throw new AwsError(
      'ConcurrentSnapshotLimitExceeded',
      'Maximum allowed in-progress snapshots for a single volume exceeded.',
    )
  if (volume.lastSnapshotMs !== undefined && clock.now() - volume.lastSnapshotMs < SNAPSHOT_INTERVAL_MS)
    throw new AwsError(
      'SnapshotCreationPerVolumeRateExceeded',
      'The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.',
    )
}

/** The newest snapshot that the next one of the volume is incremental to, if any is left (AWS facts A.3). */
function parentOf({ snapshots }: Account, { history }: Volume): string | undefined {
  const left = history.filter((id) => ['completed', 'pending'].includes(snapshots.get(id)?.state ?? ''))
  history.splice(0, history.length, ...left)
  return left.at(-1)
}

/** Freezes the volumes at one instant; the snapshots are `pending` afterwards. All or none. */
export async function takeSnapshots(
  account: Account,
  plans: readonly SnapshotPlan[],
  description: string,
  instanceId?: string,
): Promise<Snapshot[]> {
  const { clock, disks, ids } = account
  const pairs = plans.map(({ volume, tags }) => {
    const snapshotId = ids.next('snap')
    return { volume, tags, snapshotId, path: disks.pathOf(snapshotId) }
  })
  const requestedMs = clock.now()
  // Counted before the first await, so that a second request meanwhile meets the limits.
  for (const { volume } of plans) {
    volume.pendingSnapshots += 1
    volume.lastSnapshotMs = requestedMs
  }
  const uncount = (): void => {
    for (const { volume } of plans) volume.pendingSnapshots -= 1
  }
  const atMs = await capture(account, pairs, instanceId).finally(uncount)
  const pending = pairs.map((pair) => enter(account, pair, atMs, description))
  letComplete(account, pending, instanceId !== undefined)
  return pending.map(({ snapshot }) => snapshot)
}

type Pair = CapturePair & Pick<SnapshotPlan, 'tags'>

function enter(account: Account, pair: Pair, atMs: number, description: string): Omit<PendingSnapshot, 'set'> {
  const { volume, snapshotId: id, path, tags } = pair
  const snapshot: Snapshot = {
    id,
    path,
    order: account.nextOrder(),
    createdMs: atMs,
    tags,
    ownerId: account.accountId,
    volumeId: volume.id,
    sizeGiB: volume.sizeGiB,
    description,
    encryption: volume.encryption,
    software: volume.software,
    lineage: volume.lineage,
    parentId: parentOf(account, volume),
    state: 'pending',
    fullBytes: 0,
    deleted: false,
    sharedWith: new Set(),
  }
  volume.history.push(id)
  account.snapshots.set(id, snapshot)
  const fails = account.troubles.failingSnapshots.delete(volume.id)
  return { snapshot, volume, ...(fails ? { failure: 'An internal error has occurred.' } : {}) }
}

const noVolumes = (instance: Instance): AwsError =>
  invalidValue(`There are no attached EBS-backed volumes on the instance id (${instance.id}).`)

/** The volumes that a CreateSnapshots is about. */
function volumesOf(instance: Instance, specification: InstanceSpecification): Volume[] {
  const attached = [...instance.attachments.values()].filter(({ state }) => state === 'attached' || state === 'busy')
  if (attached.length === 0) throw noVolumes(instance)
  const root = attached.find(({ device }) => device === instance.image.rootDeviceName)
  const excluded = new Set(specification.ExcludeDataVolumeIds)
  if (excluded.size > EXCLUDED_MAX)
    throw invalidValue(`No more than ${EXCLUDED_MAX} volumes can be given in ExcludeDataVolumeIds.`)
  for (const id of excluded) {
    if (id === root?.volume.id)
      throw invalidValue(`The volume '${id}' is the root volume: use ExcludeBootVolume to exclude it.`)
    if (!attached.some(({ volume }) => volume.id === id))
      throw invalidValue(`The volume '${id}' is not attached to the instance '${instance.id}'.`)
  }
  const included = attached
    .filter((one) => !excluded.has(one.volume.id) && !(specification.ExcludeBootVolume && one === root))
    .map(({ volume }) => volume)
  if (included.length === 0) throw noVolumes(instance)
  if (included.length > VOLUMES_MAX)
    throw invalidValue(`No more than ${VOLUMES_MAX} volumes can be included in one request.`)
  return included
}

/** @throws AwsError SnapshotLimitExceeded, PendingSnapshotLimitExceeded (AWS facts A.2, A.22) */
export function checkSnapshotQuotas({ snapshots, state, quotas }: Account, added: number): void {
  checkQuota(
    'SnapshotLimitExceeded',
    snapshots.size + added,
    quotas.snapshots,
    'Maximum allowed snapshots limit exceeded.',
  )
  checkQuota(
    'PendingSnapshotLimitExceeded',
    state.pendingSnapshots.size + added,
    quotas.pendingSnapshots,
    'Maximum allowed in-progress snapshots exceeded.',
  )
}

async function createSnapshots(account: Account, request: CreateSnapshotsRequest): Promise<CreateSnapshotsResult> {
  const specification = required(request.InstanceSpecification, 'InstanceSpecification')
  supportOnly(specification, ['InstanceId', 'ExcludeBootVolume', 'ExcludeDataVolumeIds'], 'InstanceSpecification.')
  const instance = find(INSTANCE, account.instances, required(specification.InstanceId, 'InstanceId'))
  if (!['running', 'stopping', 'stopped'].includes(instance.state))
    throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is in the '${instance.state}' state.`)
  const copied = request.CopyTagsFromSource
  const { snapshot: tags } = tagsOnCreation(request.TagSpecifications, ['snapshot'])
  const plans = volumesOf(instance, specification).map((volume): SnapshotPlan => {
    checkMayBeSnapshotted(account, volume)
    return { volume, tags: mergeTags(copied ? volume.tags : new Map(), tags) }
  })
  checkSnapshotQuotas(account, plans.length)
  const snapshots = await takeSnapshots(account, plans, request.Description ?? '', instance.id)
  return { Snapshots: snapshots.map(toSnapshotInfo) }
}

async function createSnapshot(account: Account, request: CreateSnapshotRequest): Promise<SnapshotOutput> {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  checkMayBeSnapshotted(account, volume)
  checkSnapshotQuotas(account, 1)
  const added: readonly Tag[] = tagsOnCreation(request.TagSpecifications, ['snapshot']).snapshot
  const [snapshot] = await takeSnapshots(
    account,
    [{ volume, tags: mergeTags(new Map(), added) }],
    request.Description ?? '',
  )
  return snapshot ? toSnapshotOutput(account, snapshot) : {}
}

function deleteSnapshot(account: Account, request: DeleteSnapshotRequest): object {
  const snapshot = ownSnapshot(account, required(request.SnapshotId, 'snapshotId'))
  // AWS does not document the code for a locked one (AWS facts A.7, L.1).
  if (isLocked(account, snapshot))
    throw new AwsError('OperationNotPermitted', `The snapshot '${snapshot.id}' is locked and cannot be deleted.`)
  const image = imageUsing(account, snapshot.id)
  if (image)
    throw new AwsError('InvalidSnapshot.InUse', `The snapshot ${snapshot.id} is currently in use by ${image.id}`)
  if (snapshot.state === 'pending') snapshot.deleted = true
  else forget(account, snapshot)
  return {}
}

export const snapshotOperations = (account: Account): Operations => ({
  CreateSnapshots: operation<CreateSnapshotsRequest>(
    ['InstanceSpecification', 'Description', 'TagSpecifications', 'CopyTagsFromSource'],
    (input) => createSnapshots(account, input),
  ),
  CreateSnapshot: operation<CreateSnapshotRequest>(['VolumeId', 'Description', 'TagSpecifications'], (input) =>
    createSnapshot(account, input),
  ),
  DeleteSnapshot: operation<DeleteSnapshotRequest>(['SnapshotId'], (input) => deleteSnapshot(account, input)),
})
