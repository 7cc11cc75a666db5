/** Volume types and their limits (AWS facts A.12). */
import type { VolumeType } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { VolumePerformance } from './model.ts'
import type { Account } from '../model.ts'
import type { Zone } from '../network/zones.ts'
import { invalidValue, required } from '../request.ts'

type Range = readonly [min: number, max: number]

interface TypeLimits {
  readonly sizeGiB: Range
  /** Absent: the parameter is refused. */
  readonly iops?: { readonly range: Range; readonly perGiB: number; readonly baseline?: number }
  readonly throughput?: { readonly range: Range; readonly perIops: number; readonly baseline: number }
  readonly multiAttach: boolean
  readonly pendingSnapshots: number
}

const LIMITS: Readonly<Record<VolumeType, TypeLimits>> = {
  gp3: {
    sizeGiB: [1, 65_536],
    iops: { range: [3_000, 80_000], perGiB: 500, baseline: 3_000 },
    throughput: { range: [125, 2_000], perIops: 0.25, baseline: 125 },
    multiAttach: false,
    pendingSnapshots: 5,
  },
  gp2: { sizeGiB: [1, 16_384], multiAttach: false, pendingSnapshots: 5 },
  io2: { sizeGiB: [4, 65_536], iops: { range: [100, 256_000], perGiB: 1_000 }, multiAttach: true, pendingSnapshots: 5 },
  io1: { sizeGiB: [4, 16_384], iops: { range: [100, 64_000], perGiB: 50 }, multiAttach: true, pendingSnapshots: 5 },
  st1: { sizeGiB: [125, 16_384], multiAttach: false, pendingSnapshots: 1 },
  sc1: { sizeGiB: [125, 16_384], multiAttach: false, pendingSnapshots: 1 },
  standard: { sizeGiB: [1, 1_024], multiAttach: false, pendingSnapshots: 5 },
}

export const VOLUME_TYPES = Object.keys(LIMITS) as readonly VolumeType[]

/** How many snapshots of one such volume may be pending (AWS facts A.2). */
export const pendingSnapshotsMax = (type: VolumeType): number => LIMITS[type].pendingSnapshots

export interface PerformanceRequest {
  readonly VolumeType?: VolumeType
  readonly Size?: number
  readonly Iops?: number
  readonly Throughput?: number
  readonly MultiAttachEnabled?: boolean
}

function checkRange(what: string, value: number, [min, max]: Range, unit = ''): void {
  if (value < min) throw invalidValue(`${what} of ${value}${unit} is too low; minimum is ${min}${unit}.`)
  if (value > max) throw invalidValue(`${what} of ${value}${unit} is too high; maximum is ${max}${unit}.`)
}

const notSupported = (parameter: string, type: VolumeType): AwsError =>
  new AwsError('InvalidParameterCombination', `The parameter ${parameter} is not supported for ${type} volumes.`)

function iopsOf(request: PerformanceRequest, type: VolumeType, sizeGiB: number): number | undefined {
  const limits = LIMITS[type].iops
  if (type === 'gp2' && request.Iops === undefined) return Math.min(16_000, Math.max(100, 3 * sizeGiB))
  if (!limits) {
    if (request.Iops !== undefined) throw notSupported('iops', type)
    return undefined
  }
  const iops = request.Iops ?? required(limits.baseline, 'iops')
  checkRange('Volume iops', iops, limits.range)
  if (iops > Math.max(limits.baseline ?? 0, limits.perGiB * sizeGiB))
    throw invalidValue(
      `Iops to volume size ratio of ${(iops / sizeGiB).toFixed(6)} is too high; maximum is ${limits.perGiB}.`,
    )
  return iops
}

function throughputOf(request: PerformanceRequest, type: VolumeType, iops = 0): number | undefined {
  const limits = LIMITS[type].throughput
  if (!limits) {
    if (request.Throughput !== undefined) throw notSupported('throughput', type)
    return undefined
  }
  const throughput = request.Throughput ?? limits.baseline
  checkRange('Throughput', throughput, limits.range, ' MiBps')
  if (throughput > limits.perIops * iops)
    throw invalidValue(
      `Throughput (MiBps) to iops ratio of ${(throughput / iops).toFixed(6)} is too high; maximum is ${limits.perIops} MiBps per iops.`,
    )
  return throughput
}

/**
 * What the volume will be. The default type is gp2, whatever the snapshot's volume was (AWS facts A.12).
 * @throws AwsError InvalidParameterValue, InvalidParameterCombination, MissingParameter
 */
export function performanceOf(
  request: PerformanceRequest,
  snapshot: { readonly id: string; readonly sizeGiB: number } | undefined,
): VolumePerformance {
  const type = request.VolumeType ?? 'gp2'
  const sizeGiB = required(request.Size ?? snapshot?.sizeGiB, 'size/snapshot')
  if (snapshot && sizeGiB < snapshot.sizeGiB)
    throw invalidValue(
      `The size of a volume must be no less than its snapshot's: ${sizeGiB}GiB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.sizeGiB}GiB.`,
    )
  checkRange(`Volume of type ${type}: size`, sizeGiB, LIMITS[type].sizeGiB, 'GiB')
  const multiAttach = request.MultiAttachEnabled ?? false
  if (multiAttach && !LIMITS[type].multiAttach) throw notSupported('multiAttachEnabled', type)
  const iops = iopsOf(request, type, sizeGiB)
  return { type, sizeGiB, iops, throughput: throughputOf(request, type, iops), multiAttach }
}

/** Multi-Attach of io1 is in three Regions only; io2 is everywhere (AWS facts A.15). */
const IO1_MULTI_ATTACH_REGIONS = ['us-east-1', 'us-west-2', 'ap-northeast-2']

/**
 * Whether the zone has volumes of this type.
 * @throws AwsError VolumeTypeNotAvailableInZone
 */
export function checkTypeInZone({ troubles }: Account, type: VolumeType, zone: Zone): void {
  if (troubles.missingVolumeTypes.has(`${zone.name}/${type}`))
    throw new AwsError(
      'VolumeTypeNotAvailableInZone',
      `The specified volume type '${type}' is not available in the Availability Zone '${zone.name}'.`,
    )
  if (troubles.exhaustedZones.has(zone.name))
    throw new AwsError(
      'InsufficientVolumeCapacity',
      `There is not enough capacity to fulfill your EBS volume provision request in ${zone.name}.`,
      { status: 500 },
    )
}

/** @throws AwsError InvalidParameterCombination */
export function checkMultiAttachRegion({ type, multiAttach }: VolumePerformance, region: string): void {
  if (multiAttach && type === 'io1' && !IO1_MULTI_ATTACH_REGIONS.includes(region))
    throw new AwsError('InvalidParameterCombination', `Multi-Attach of io1 volumes is not supported in ${region}.`)
}
