/** ModifyVolume: modifying → optimizing → completed (AWS documents EBS Elastic Volumes). */
import type {
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult,
  ModifyVolumeRequest,
  ModifyVolumeResult,
  VolumeModification as ModificationOutput,
  VolumeModificationState,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { tellGuest } from './attachments.ts'
import { MODIFY_VOLUME_MS, optimizeDelayMs } from '../delays.ts'
import { emitVolumeNotification } from '../events.ts'
import { filterBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { VOLUME, find, findAll } from '../ids.ts'
import type { VolumeModification, VolumePerformance } from './model.ts'
import type { Account } from '../model.ts'
import type { Volume } from './model.ts'
import { pageOf } from '../paging.ts'
import { invalidValue, operation, required } from '../request.ts'
import { performanceOf } from './volume-types.ts'
import { checkVolumeQuotas } from './volume-quotas.ts'

const HOUR_MS = 3_600_000
/** Between two modifications of one volume. */
const COOL_DOWN_MS = 6 * HOUR_MS

function stateAt({ optimizingMs, completedMs }: VolumeModification, nowMs: number): VolumeModificationState {
  if (nowMs >= completedMs) return 'completed'
  return nowMs >= optimizingMs ? 'optimizing' : 'modifying'
}

function progressAt({ startedMs, completedMs }: VolumeModification, nowMs: number): number {
  return Math.min(100, Math.floor((100 * (nowMs - startedMs)) / (completedMs - startedMs)))
}

const toOutput = (volume: Volume, modification: VolumeModification, nowMs: number): ModificationOutput => {
  const { original, target, startedMs, completedMs } = modification
  const state = stateAt(modification, nowMs)
  return {
    VolumeId: volume.id,
    ModificationState: state,
    TargetSize: target.sizeGiB,
    TargetIops: target.iops,
    TargetVolumeType: target.type,
    TargetThroughput: target.throughput,
    TargetMultiAttachEnabled: target.multiAttach,
    OriginalSize: original.sizeGiB,
    OriginalIops: original.iops,
    OriginalVolumeType: original.type,
    OriginalThroughput: original.throughput,
    OriginalMultiAttachEnabled: original.multiAttach,
    Progress: progressAt(modification, nowMs),
    StartTime: new Date(startedMs),
    EndTime: state === 'completed' ? new Date(completedMs) : undefined,
  }
}

function checkModifiable(account: Account, volume: Volume): void {
  if (volume.state !== 'available' && volume.state !== 'in-use')
    throw new AwsError('IncorrectState', `The volume '${volume.id}' is in the '${volume.state}' state.`)
  const { modification } = volume
  if (!modification) return
  const nowMs = account.clock.now()
  if (stateAt(modification, nowMs) !== 'completed')
    throw new AwsError('IncorrectModificationState', `Volume ${volume.id} is currently being modified.`)
  if (nowMs < modification.startedMs + COOL_DOWN_MS)
    throw new AwsError(
      'VolumeModificationRateExceeded',
      `You've reached the maximum modification rate per volume limit. Wait at least 6 hours between modifications per EBS volume.`,
    )
}

/** Multi-Attach is switched for io2 alone, and not while more than one instance has the volume (AWS facts A.15). */
function checkMultiAttach(volume: Volume, target: VolumePerformance): void {
  if (target.multiAttach === volume.multiAttach) return
  if (volume.type !== 'io2' || target.type !== 'io2')
    throw new AwsError('InvalidParameterCombination', `Multi-Attach can be changed for io2 volumes only.`)
  const attachedMax = target.multiAttach ? 0 : 1
  if (volume.attachments.length > attachedMax)
    throw new AwsError('IncorrectState', `Multi-Attach of '${volume.id}' cannot be changed while it is attached.`)
}

/** What the volume will be: what the request does not name stays, unless the new type has other limits. */
function targetOf(volume: Volume, request: ModifyVolumeRequest): VolumePerformance {
  const type = request.VolumeType ?? volume.type
  const isSameType = type === volume.type
  const keepsIops = isSameType && type !== 'gp2'
  const sizeGiB = request.Size ?? volume.sizeGiB
  if (sizeGiB < volume.sizeGiB)
    throw invalidValue(`New size cannot be smaller than existing size ${volume.sizeGiB}GiB.`)
  return performanceOf(
    {
      VolumeType: type,
      Size: sizeGiB,
      Iops: request.Iops ?? (keepsIops ? volume.iops : undefined),
      Throughput: request.Throughput ?? (isSameType ? volume.throughput : undefined),
      MultiAttachEnabled: request.MultiAttachEnabled ?? volume.multiAttach,
    },
    undefined,
  )
}

function modifyVolume(account: Account, request: ModifyVolumeRequest): ModifyVolumeResult {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  checkModifiable(account, volume)
  const target = targetOf(volume, request)
  checkMultiAttach(volume, target)
  const { type, sizeGiB, iops, throughput, multiAttach } = volume
  const original = { type, sizeGiB, iops, throughput, multiAttach }
  const isRoot = volume.attachments.some(({ device, instance }) => device === instance.image.rootDeviceName)
  if (isRoot && (target.type === 'st1' || target.type === 'sc1'))
    throw invalidValue(`Volumes of type ${target.type} cannot be boot volumes.`)
  checkVolumeQuotas(account, [
    { performance: { ...target, sizeGiB: target.sizeGiB - sizeGiB, iops: (target.iops ?? 0) - (iops ?? 0) } },
  ])
  const startedMs = account.clock.now()
  const optimizingMs = startedMs + MODIFY_VOLUME_MS
  volume.modification = {
    original,
    target,
    startedMs,
    optimizingMs,
    completedMs: optimizingMs + optimizeDelayMs(target.sizeGiB),
  }
  resumeModification(account, volume)
  return { VolumeModification: toOutput(volume, volume.modification, startedMs) }
}

/** Lets the modification take its steps; the new size and performance are there from `optimizing` on. */
export function resumeModification(account: Account, volume: Volume): void {
  const { modification } = volume
  if (!modification) return
  const at = (dueMs: number, step: () => void): void => {
    if (dueMs < account.clock.now()) return
    account.clock.after(
      dueMs - account.clock.now(),
      () => {
        if (account.volumes.get(volume.id) === volume && volume.modification === modification) step()
      },
      { background: true },
    )
  }
  at(modification.optimizingMs, () => {
    Object.assign(volume, modification.target)
    account.disks.grow(volume.path, volume.sizeGiB)
    for (const { instance } of volume.attachments) tellGuest(account, instance)
    emitVolumeNotification(account, volume, 'modifyVolume', 'optimizing')
  })
  at(modification.completedMs, () => emitVolumeNotification(account, volume, 'modifyVolume', 'completed'))
}

interface Row {
  readonly volume: Volume
  readonly modification: VolumeModification
  readonly order: number
  readonly tags: Volume['tags']
}

const filtersAt = (nowMs: number): FilterValues<Row> => ({
  'modification-state': ({ modification }) => stateAt(modification, nowMs),
  'original-iops': ({ modification }) => modification.original.iops,
  'original-size': ({ modification }) => modification.original.sizeGiB,
  'original-volume-type': ({ modification }) => modification.original.type,
  originalMultiAttachEnabled: ({ modification }) => modification.original.multiAttach,
  'start-time': ({ modification }) => new Date(modification.startedMs).toISOString(),
  'target-iops': ({ modification }) => modification.target.iops,
  'target-size': ({ modification }) => modification.target.sizeGiB,
  'target-volume-type': ({ modification }) => modification.target.type,
  targetMultiAttachEnabled: ({ modification }) => modification.target.multiAttach,
  'volume-id': ({ volume }) => volume.id,
})

function describeModifications(
  account: Account,
  request: DescribeVolumesModificationsRequest,
): DescribeVolumesModificationsResult {
  const nowMs = account.clock.now()
  const ids = request.VolumeIds?.length ? request.VolumeIds : undefined
  const volumes = ids ? findAll(VOLUME, account.volumes, ids) : [...account.volumes.values()]
  const rows = volumes.flatMap((volume): Row[] => {
    const { modification, order, tags } = volume
    if (modification) return [{ volume, modification, order, tags }]
    if (!ids) return []
    throw new AwsError('InvalidVolumeModification.NotFound', `Modification for volume '${volume.id}' does not exist.`)
  })
  const page = pageOf(rows, request, filterBy(request.Filters, filtersAt(nowMs)), ids && 'volumeIdSet')
  return {
    VolumesModifications: page.items.map(({ volume, modification }) => toOutput(volume, modification, nowMs)),
    NextToken: page.nextToken,
  }
}

export const modificationOperations = (account: Account): Operations => ({
  ModifyVolume: operation<ModifyVolumeRequest>(
    ['VolumeId', 'Size', 'VolumeType', 'Iops', 'Throughput', 'MultiAttachEnabled'],
    (input) => modifyVolume(account, input),
  ),
  DescribeVolumesModifications: operation<DescribeVolumesModificationsRequest>(
    ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeModifications(account, input),
  ),
})
