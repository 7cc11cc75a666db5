/** Many machines at once, put into the account by its owner: as instances that run, but of nothing except what EC2 knows of them. */
import type { BlockDeviceMapping, RunInstancesRequest, VolumeType, _InstanceType } from '@aws-sdk/client-ec2'
import type { Caller } from '../wire/service.ts'
import { addAttachment } from './volumes/attachments.ts'
import { planDisks } from './instances/block-devices.ts'
import { checkFits } from './images/fit.ts'
import { instanceTypeOf } from './instances/instance-types.ts'
import { launchable, newInstance } from './instances/launch.ts'
import type { LaunchPlan } from './instances/launch.ts'
import { makeInterfaces, planNetwork } from './instances/launch-network.ts'
import type { Account } from './model.ts'
import type { Instance } from './instances/model.ts'
import type { Zone } from './network/zones.ts'
import { newVolume } from './volumes/volumes.ts'

/** Machines that are alike. */
export interface FleetDescription {
  readonly count: number
  readonly imageId: string
  readonly instanceType: string
  /** Beside the root volume. */
  readonly dataDisks?: readonly {
    readonly device: string
    readonly sizeGiB: number
    /** `gp3` unless told. */
    readonly type?: VolumeType
  }[]
  /** Tags of a machine by its place in the fleet, from 0; none unless told. */
  readonly tags?: (index: number) => Readonly<Record<string, string>>
}

/** The account's owner, who may use every key. */
const ownerOf = ({ accountId, region }: Account): Caller => ({
  accountId,
  region,
  arn: `arn:aws:iam::${accountId}:root`,
  accessKeyId: '',
  requestId: '',
})

function planIn(account: Account, { imageId, instanceType, dataDisks = [] }: FleetDescription, zone: Zone): LaunchPlan {
  const image = launchable(account, imageId)
  const type = instanceTypeOf(instanceType)
  checkFits(image, type)
  const request: RunInstancesRequest = {
    ImageId: imageId,
    InstanceType: instanceType as _InstanceType,
    MinCount: 1,
    MaxCount: 1,
    Placement: { AvailabilityZone: zone.name },
  }
  const mappings = dataDisks.map(({ device, sizeGiB, type = 'gp3' }): BlockDeviceMapping => {
    return { DeviceName: device, Ebs: { VolumeSize: sizeGiB, VolumeType: type, DeleteOnTermination: false } }
  })
  return {
    request,
    image,
    type,
    network: planNetwork(account, request, type, new Map()),
    disks: planDisks(account, image, mappings, zone, ownerOf(account)),
    count: 1,
    tags: { instance: [], volume: [], 'network-interface': [], 'spot-instances-request': [] },
  }
}

/** What AWS would have raised for such a fleet: quotas grow by what it takes. */
function raiseQuotas(account: Account, count: number, { type, network, disks }: LaunchPlan): void {
  const { quotas } = account
  const storageGiB: Record<string, number> = { ...quotas.storageGiB }
  for (const { volume } of disks) {
    const { type: volumeType, sizeGiB } = volume.performance
    storageGiB[volumeType] = (storageGiB[volumeType] ?? 0) + count * sizeGiB
  }
  account.quotas = {
    ...quotas,
    onDemandVcpus: quotas.onDemandVcpus + count * type.vcpuCount,
    networkInterfaces: quotas.networkInterfaces + count * network.interfaces.length,
    volumes: quotas.volumes + count * disks.length,
    storageGiB,
  }
}

function addOne(account: Account, launch: LaunchPlan, tags: Readonly<Record<string, string>>): Instance {
  const instance: Instance = {
    ...newInstance(account, launch, account.ids.next('r'), 0),
    tags: new Map(Object.entries(tags)),
    state: 'running',
    runningSinceMs: account.clock.now(),
    hasGuest: false,
  }
  account.instances.set(instance.id, instance)
  for (const { attachment } of makeInterfaces(account, instance, launch.network)) {
    if (attachment) attachment.state = 'attached'
    if (attachment) attachment.dueMs = undefined
  }
  for (const { volume: planned, device, deleteOnTermination } of launch.disks) {
    const volume = newVolume(account, { ...planned, tags: [] })
    volume.state = 'in-use'
    addAttachment(account, { volume, instance, device }, deleteOnTermination).state = 'attached'
    if (device === launch.image.rootDeviceName) instance.rootVolumeIds.push(volume.id)
  }
  return instance
}

/** See `Ec2Host.loadFleet`. */
export function loadFleet(account: Account, fleet: FleetDescription): string[] {
  const plans = account.zones.all.map((zone) => planIn(account, fleet, zone))
  const [plan] = plans
  if (plan) raiseQuotas(account, fleet.count, plan)
  const ids: string[] = []
  while (ids.length < fleet.count)
    for (const one of plans.slice(0, fleet.count - ids.length))
      ids.push(addOne(account, one, fleet.tags?.(ids.length) ?? {}).id)
  return ids
}
