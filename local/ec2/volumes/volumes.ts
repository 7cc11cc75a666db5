/** CreateVolume and DeleteVolume, and the making of volumes that launches share (AWS facts A.12). */
import type { CreateVolumeRequest, DeleteVolumeRequest, Tag, Volume as VolumeOutput } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { toVolumeOutput } from './describe-volumes.ts'
import { encryptionOf } from '../encryption.ts'
import type { EncryptionPlan } from '../encryption.ts'
import { VOLUME, find } from '../ids.ts'
import type { VolumePerformance } from './model.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import type { Volume } from './model.ts'
import type { Zone } from '../network/zones.ts'
import { ClientTokens, operation, required } from '../request.ts'
import { usableSnapshot } from '../snapshots/shares.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { checkMultiAttachRegion, checkTypeInZone, performanceOf } from './volume-types.ts'
import { checkInitializationRates, checkVolumeQuotas, initializationRateOf } from './volume-quotas.ts'
import { beginDeletion, letCreate } from './volume-states.ts'

export interface VolumePlan extends EncryptionPlan {
  readonly performance: VolumePerformance
  readonly zone: Zone
  readonly snapshot?: Snapshot
  /** MiB/s. */
  readonly initializationRate?: number
  readonly tags: readonly Tag[]
}

/** The snapshot that a volume is made from. @throws AwsError InvalidSnapshot.NotFound, IncorrectState */
export function sourceSnapshot(account: Account, snapshotId: string | undefined): Snapshot | undefined {
  if (snapshotId === undefined) return undefined
  const { snapshot } = usableSnapshot(account, snapshotId)
  if (snapshot.state !== 'completed')
    throw new AwsError('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`)
  return snapshot
}

/** The lineage goes on from an own snapshot under the same key; anything else begins a new one (AWS facts A.3). */
function lineageOf(account: Account, id: string, plan: VolumePlan): Pick<Volume, 'lineage' | 'history'> {
  const { snapshot, encryption } = plan
  const goesOn = snapshot?.ownerId === account.accountId && snapshot.encryption?.dataKeyId === encryption?.dataKeyId
  return goesOn ? { lineage: snapshot.lineage, history: [snapshot.id] } : { lineage: id, history: [] }
}

/** Enters a volume that stays `creating`: the caller lets it become what it will. */
export function newVolume(account: Account, plan: VolumePlan): Volume {
  const id = account.ids.next('vol')
  const rate = plan.initializationRate
  const nowMs = account.clock.now()
  const volume: Volume = {
    ...plan.performance,
    id,
    order: account.nextOrder(),
    createdMs: nowMs,
    tags: mergeTags(new Map(), plan.tags),
    zone: plan.zone,
    snapshotId: plan.snapshot?.id,
    encryption: plan.encryption,
    software: plan.snapshot?.software,
    path: account.disks.pathOf(id),
    ...lineageOf(account, id, plan),
    attachments: [],
    state: 'creating',
    autoEnableIo: false,
    pendingSnapshots: 0,
    ...(rate === undefined ? {} : { initialization: { rate, startMs: nowMs, endMs: Infinity } }),
  }
  account.volumes.set(id, volume)
  return volume
}

/** Makes a volume that is `creating` for now; `running.volumeCreations` tells how that ends. */
export function makeVolume(account: Account, plan: VolumePlan): Volume {
  const volume = newVolume(account, plan)
  const isPlannedToFail = account.troubles.failingCreations.delete(plan.snapshot?.id ?? '')
  if (plan.keyProblem !== undefined) volume.fails = { cause: plan.keyProblem, vanishes: true }
  else if (isPlannedToFail) volume.fails = { cause: 'An internal error has occurred.', vanishes: false }
  letCreate(account, volume, plan.snapshot)
  return volume
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

function createVolume(
  account: Account,
  tokens: ClientTokens<Volume>,
  request: CreateVolumeRequest,
  caller: Caller,
): VolumeOutput {
  const earlier = tokens.earlier(request.ClientToken, request)
  if (earlier) return toVolumeOutput(earlier)
  const zone = zoneOf(account, request)
  const snapshot = sourceSnapshot(account, request.SnapshotId)
  const performance = performanceOf(request, snapshot)
  checkTypeInZone(account, performance.type, zone)
  checkMultiAttachRegion(performance, account.region)
  checkVolumeQuotas(account, [{ performance }])
  const initializationRate = initializationRateOf(request.VolumeInitializationRate, snapshot)
  checkInitializationRates(account, [initializationRate])
  const volume = makeVolume(account, {
    performance,
    zone,
    snapshot,
    initializationRate,
    ...encryptionOf(account, request, snapshot, caller),
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
        'VolumeInitializationRate',
        'TagSpecifications',
        'ClientToken',
      ],
      (input, caller) => createVolume(account, tokens, input, caller),
    ),
    DeleteVolume: operation<DeleteVolumeRequest>(['VolumeId'], (input) => deleteVolume(account, input)),
  }
}
