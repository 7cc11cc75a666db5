/** What disks a launch makes: the image's, as changed and added to by the request (AWS facts A.17). */
import type { BlockDeviceMapping, EbsBlockDevice } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import { isDeviceName } from './device-names.ts'
import { encryptionOf } from './encryption.ts'
import type { Account, Image } from './model.ts'
import type { Zone } from './network.ts'
import { required, supportOnly } from './request.ts'
import { performanceOf } from './volume-types.ts'
import { sourceSnapshot } from './volumes.ts'
import type { VolumePlan } from './volumes.ts'

const EBS_PARAMETERS = [
  'DeleteOnTermination',
  'Encrypted',
  'Iops',
  'KmsKeyId',
  'SnapshotId',
  'Throughput',
  'VolumeSize',
  'VolumeType',
]

export interface DiskPlan {
  readonly device: string
  readonly deleteOnTermination: boolean
  readonly volume: Omit<VolumePlan, 'tags'>
}

const invalidMapping = (message: string): AwsError => new AwsError('InvalidBlockDeviceMapping', message)

function checkMapping(image: Image, { DeviceName, Ebs, ...rest }: BlockDeviceMapping): void {
  supportOnly(rest, ['NoDevice'], 'BlockDeviceMapping.')
  supportOnly(Ebs ?? {}, EBS_PARAMETERS, 'BlockDeviceMapping.Ebs.')
  const device = required(DeviceName, 'BlockDeviceMapping.DeviceName')
  if (!isDeviceName(device)) throw invalidMapping(`Invalid device name ${device}`)
  if (image.instanceStoreDevices.includes(device))
    throw invalidMapping(`The device '${device}' is used in more than one block-device mapping`)
  if (device !== image.rootDeviceName) return
  if (rest.NoDevice !== undefined) throw invalidMapping('The root device cannot be suppressed')
  if (image.rootDeviceType === 'instance-store') throw invalidMapping(`The root device ${device} is an instance store`)
  if (Ebs?.SnapshotId !== undefined && Ebs.SnapshotId !== image.rootSnapshotId)
    throw invalidMapping('snapshotId cannot be modified on root device')
}

/** The mappings in force, the root's first. */
function mappingsInForce(image: Image, requested: readonly BlockDeviceMapping[]): Map<string, EbsBlockDevice> {
  const mappings = new Map<string, EbsBlockDevice>()
  if (image.rootSnapshotId !== undefined)
    mappings.set(image.rootDeviceName, { SnapshotId: image.rootSnapshotId, VolumeType: 'gp3' })
  const named = new Set<string>()
  for (const mapping of requested) {
    checkMapping(image, mapping)
    const device = mapping.DeviceName ?? ''
    if (named.has(device)) throw invalidMapping(`The device '${device}' is used in more than one block-device mapping`)
    named.add(device)
    if (mapping.NoDevice !== undefined) mappings.delete(device)
    else mappings.set(device, { ...mappings.get(device), ...required(mapping.Ebs, 'BlockDeviceMapping.Ebs') })
  }
  return mappings
}

/** @throws AwsError InvalidBlockDeviceMapping, InvalidSnapshot.NotFound and what is wrong with a volume's type or size */
export function planDisks(
  account: Account,
  image: Image,
  requested: readonly BlockDeviceMapping[],
  zone: Zone,
): DiskPlan[] {
  return [...mappingsInForce(image, requested)].map(([device, ebs]) => {
    const snapshot = sourceSnapshot(account, ebs.SnapshotId)
    return {
      device,
      deleteOnTermination: ebs.DeleteOnTermination ?? true,
      volume: {
        zone,
        snapshot,
        performance: performanceOf({ ...ebs, Size: ebs.VolumeSize }, snapshot),
        encryption: encryptionOf(account, ebs, snapshot),
      },
    }
  })
}
