/** CreateVolume and DeleteVolume, and the making and going of volumes that launches and terminations share. */
import type { CreateVolumeRequest, DeleteVolumeRequest, Tag, Volume as VolumeOutput } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { CREATE_VOLUME_MS, DELETE_VOLUME_MS } from './delays.ts'
import { toVolumeOutput } from './describe-volumes.ts'
import { encryptionOf } from './encryption.ts'
import { emitVolumeNotification } from './events.ts'
import { SNAPSHOT, VOLUME, find } from './ids.ts'
import type { Account, Encryption, Snapshot, Volume, VolumePerformance } from './model.ts'
import type { Zone } from './network/zones.ts'
import { ClientTokens, operation, required } from './request.ts'
import { mergeTags, tagsOnCreation } from './tags.ts'
import { performanceOf } from './volume-types.ts'

export interface VolumePlan {
  readonly performance: VolumePerformance
  readonly zone: Zone
  readonly snapshot?: Snapshot
  readonly encryption?: Encryption
  readonly tags: readonly Tag[]
}

/** The snapshot that a volume is made from. @throws AwsError InvalidSnapshot.NotFound, IncorrectState */
export function sourceSnapshot(account: Account, snapshotId: string | undefined): Snapshot | undefined {
  if (snapshotId === undefined) return undefined
  const snapshot = find(SNAPSHOT, account.snapshots, snapshotId)
  if (snapshot.state !== 'completed')
    throw new AwsError('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`)
  return snapshot
}

/** Gives the new volume its bytes. The snapshot is read from the first moment on, so that it may be deleted right after. */
async function fill(account: Account, volume: Volume, snapshot: Snapshot | undefined): Promise<void> {
  if (!snapshot) {
    account.disks.createEmpty(volume.path, volume.sizeGiB)
    return
  }
  await account.disks.copy(snapshot.path, volume.path, volume.sizeGiB)
  // The volume goes on in the snapshot's lineage, unless another key breaks it (AWS facts A.3).
  if (volume.encryption?.dataKeyId === snapshot.encryption?.dataKeyId)
    volume.cleanModifiedMs = account.disks.writtenTo(volume.path).modifiedMs
}

/** Makes a volume that is `creating` for now; `running.volumeCreations` tells how that ends. */
export function makeVolume(account: Account, plan: VolumePlan): Volume {
  const id = account.ids.next('vol')
  const volume: Volume = {
    ...plan.performance,
    id,
    order: account.nextOrder(),
    createdMs: account.clock.now(),
    tags: mergeTags(new Map(), plan.tags),
    zone: plan.zone,
    snapshotId: plan.snapshot?.id,
    encryption: plan.encryption,
    software: plan.snapshot?.software,
    path: account.disks.pathOf(id),
    attachments: [],
    state: 'creating',
    pendingSnapshots: 0,
  }
  const fails = account.troubles.failingCreations.delete(plan.snapshot?.id ?? '')
  const filled = fill(account, volume, plan.snapshot).then(
    () => !fails,
    () => false,
  )
  account.volumes.set(id, volume)
  const created = new Promise<boolean>((resolve) => {
    account.clock.after(CREATE_VOLUME_MS, () => {
      void account.clock.holding(async () => resolve(endCreation(account, volume, await filled)))
    })
  })
  account.running.volumeCreations.set(id, created)
  return volume
}

function endCreation(account: Account, volume: Volume, isFilled: boolean): boolean {
  account.running.volumeCreations.delete(volume.id)
  if (volume.state !== 'creating') return false
  if (isFilled) {
    volume.state = volume.attachments.length > 0 ? 'in-use' : 'available'
    // The disks of a launch are attached as soon as they are there.
    for (const attachment of volume.attachments) if (attachment.state === 'attaching') attachment.state = 'attached'
    emitVolumeNotification(account, volume, 'createVolume', 'available')
  } else {
    volume.state = 'error'
    emitVolumeNotification(account, volume, 'createVolume', 'failed', 'An internal error has occurred.')
  }
  return isFilled
}

/** Begins the deletion of a volume that nothing holds any more. */
export function beginDeletion(account: Account, volume: Volume): void {
  volume.state = 'deleting'
  account.clock.after(DELETE_VOLUME_MS, () => {
    volume.state = 'deleted'
    account.volumes.delete(volume.id)
    account.disks.remove(volume.path)
    emitVolumeNotification(account, volume, 'deleteVolume', 'deleted')
  })
}

function zoneOf(account: Account, request: CreateVolumeRequest): Zone {
  const { AvailabilityZone, AvailabilityZoneId } = request
  if (AvailabilityZone !== undefined && AvailabilityZoneId !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameters availabilityZone and availabilityZoneId cannot be used together.',
    )
  if (AvailabilityZoneId !== undefined) return account.zones.zoneWithId(AvailabilityZoneId)
  return account.zones.zoneNamed(required(AvailabilityZone, 'availabilityZone'))
}

function createVolume(account: Account, tokens: ClientTokens<Volume>, request: CreateVolumeRequest): VolumeOutput {
  const earlier = tokens.earlier(request.ClientToken, request)
  if (earlier) return toVolumeOutput(earlier)
  const zone = zoneOf(account, request)
  const snapshot = sourceSnapshot(account, request.SnapshotId)
  const volume = makeVolume(account, {
    performance: performanceOf(request, snapshot),
    zone,
    snapshot,
    encryption: encryptionOf(account, request, snapshot),
    tags: tagsOnCreation(request.TagSpecifications, ['volume']).volume,
  })
  tokens.remember(request.ClientToken, request, volume)
  return toVolumeOutput(volume)
}

function deleteVolume(account: Account, request: DeleteVolumeRequest): object {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  const [attachment] = volume.attachments
  if (attachment)
    throw new AwsError('VolumeInUse', `Volume ${volume.id} is currently attached to ${attachment.instance.id}`)
  if (volume.state !== 'available' && volume.state !== 'error')
    throw new AwsError('IncorrectState', `The volume '${volume.id}' is in the '${volume.state}' state.`)
  beginDeletion(account, volume)
  return {}
}

export function volumeOperations(account: Account): Operations {
  const tokens = new ClientTokens<Volume>(account.state.volumeTokens)
  return {
    CreateVolume: operation<CreateVolumeRequest>(
      [
        'AvailabilityZone',
        'AvailabilityZoneId',
        'SnapshotId',
        'Size',
        'VolumeType',
        'Iops',
        'Throughput',
        'Encrypted',
        'KmsKeyId',
        'MultiAttachEnabled',
        'TagSpecifications',
        'ClientToken',
      ],
      (input) => createVolume(account, tokens, input),
    ),
    DeleteVolume: operation<DeleteVolumeRequest>(['VolumeId'], (input) => deleteVolume(account, input)),
  }
}
