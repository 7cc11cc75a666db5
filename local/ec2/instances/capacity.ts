/** Whether there is room for more instances: AWS's own, which the host can take away, and the account's quota (AWS facts A.17, A.22). */
import { AwsError } from '../../wire/service.ts'
import { instanceTypeOf } from './instance-types.ts'
import type { InstanceType } from './instance-types.ts'
import type { Account } from '../model.ts'
import type { CapacityTrouble } from './model.ts'
import type { Zone } from '../network/zones.ts'

export interface RoomWanted {
  readonly type: InstanceType
  readonly zone: Zone
  readonly on: 'launch' | 'start'
  readonly market: 'spot' | 'on-demand'
  readonly least: number
  readonly most: number
}

const strikes = ({ left, ...trouble }: CapacityTrouble, { type, zone, on, market }: RoomWanted): boolean =>
  left > 0 &&
  (trouble.type ?? type.name) === type.name &&
  (trouble.zone ?? zone.name) === zone.name &&
  (trouble.on ?? on) === on &&
  (trouble.market ?? market) === market

function capacityFor({ troubles: { capacity } }: Account, wanted: RoomWanted): number {
  for (const trouble of capacity) {
    if (!strikes(trouble, wanted)) continue
    trouble.left -= 1
    if (trouble.left === 0) capacity.delete(trouble)
    return trouble.room ?? 0
  }
  return Infinity
}

function insufficient({ type, zone, market }: RoomWanted): AwsError {
  const message =
    market === 'spot'
      ? 'There is no Spot capacity available that matches your request.'
      : `We currently do not have sufficient ${type.name} capacity in the Availability Zone you requested (${zone.name}). Our system will be working on provisioning additional capacity.`
  // What EC2 lacks itself it says with a 500 (AWS facts A.21).
  return new AwsError('InsufficientInstanceCapacity', message, { status: 500 })
}

/** vCPUs of the instances that run, by market. */
function vcpusInUse({ instances }: Account, market: 'spot' | 'on-demand'): number {
  let count = 0
  for (const { state, type, spot } of instances.values())
    if ((state === 'pending' || state === 'running') && (spot !== undefined) === (market === 'spot'))
      count += instanceTypeOf(type).vcpuCount
  return count
}

function overQuota({ market }: RoomWanted, quota: number): AwsError {
  if (market === 'spot') return new AwsError('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded')
  return new AwsError(
    'VcpuLimitExceeded',
    `You have requested more vCPU capacity than your current vCPU limit of ${quota} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
  )
}

/**
 * For how many instances there is room, `least` to `most`: a launch gets as many as it can of what it would like.
 * @throws AwsError VcpuLimitExceeded, MaxSpotInstanceCountExceeded, InsufficientInstanceCapacity
 */
export function roomFor(account: Account, wanted: RoomWanted): number {
  const { onDemandVcpus, spotVcpus } = account.quotas
  const quota = wanted.market === 'spot' ? spotVcpus : onDemandVcpus
  const free = quota - vcpusInUse(account, wanted.market)
  const allowed = Math.floor(free / wanted.type.vcpuCount)
  if (allowed < wanted.least) throw overQuota(wanted, quota)
  const there = capacityFor(account, wanted)
  if (there < wanted.least) throw insufficient(wanted)
  return Math.min(wanted.most, allowed, there)
}
