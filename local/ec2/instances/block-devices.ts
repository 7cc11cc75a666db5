/** What disks a launch makes: the image's, as changed and added to by the request (AWS facts A.17). */
import type { BlockDeviceMapping, EbsBlockDevice } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller } from '../../wire/service.ts'
import { isDeviceName } from '../volumes/device-names.ts'
import { encryptionOf } from '../encryption.ts'
import { rootDiskOf } from '../images/fit.ts'
import type { Image } from '../images/model.ts'
import { launchSnapshot } from '../images/shares.ts'
import type { Account } from '../model.ts'
import type { Zone } from '../network/zones.ts'
import { required, supportOnly } from '../request.ts'
import { checkTypeInZone, performanceOf } from '../volumes/volume-types.ts'
import { initializationRateOf } from '../volumes/volume-quotas.ts'
import type { VolumePlan } from '../volumes/volumes.ts'

const EBS_PARAMETERS = [
  'DeleteOnTermination',
  'Encrypted',
  'Iops',
  'KmsKeyId',
  'SnapshotId',
  'Throughput',
  'VolumeInitializationRate',
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
  if (Ebs?.SnapshotId !== undefined && Ebs.SnapshotId !== rootDiskOf(image)?.snapshotId)
    throw invalidMapping('snapshotId cannot be modified on root device')
}

/** What the request says in place of the image: another snapshot or type takes the image's size and performance with it. */
function override(of: EbsBlockDevice | undefined, by: EbsBlockDevice): EbsBlockDevice {
  const given = Object.fromEntries(Object.entries(by).filter(([, value]) => value !== undefined))
  if (!of) return given
  const { VolumeSize, Iops, Throughput, ...rest } = of
  const isSameSnapshot = by.SnapshotId === undefined || by.SnapshotId === of.SnapshotId
  const isSameType = by.VolumeType === undefined || by.VolumeType === of.VolumeType
  return { ...rest, ...(isSameSnapshot ? { VolumeSize } : {}), ...(isSameType ? { Iops, Throughput } : {}), ...given }
}

/** The mappings in force, the root's first. */
function mappingsInForce(image: Image, requested: readonly BlockDeviceMapping[]): Map<string, EbsBlockDevice> {
  const mappings = new Map<string, EbsBlockDevice>()
  for (const disk of image.disks)
    mappings.set(disk.device, {
      SnapshotId: disk.snapshotId,
      VolumeSize: disk.sizeGiB,
      VolumeType: disk.type,
      Iops: disk.iops,
      Throughput: disk.throughput,
      DeleteOnTermination: disk.deleteOnTermination,
    })
  const named = new Set<string>()
  for (const mapping of requested) {
    checkMapping(image, mapping)
    const device = mapping.DeviceName ?? ''
    if (named.has(device)) throw invalidMapping(`The device '${device}' is used in more than one block-device mapping`)
    named.add(device)
    if (mapping.NoDevice !== undefined) mappings.delete(device)
    else mappings.set(device, override(mappings.get(device), required(mapping.Ebs, 'BlockDeviceMapping.Ebs')))
  }
  return mappings
}

/** @throws AwsError InvalidBlockDeviceMapping, InvalidSnapshot.NotFound and what is wrong with a volume's type or size */
export function planDisks(
  account: Account,
  image: Image,
  requested: readonly BlockDeviceMapping[],
  zone: Zone,
  caller: Caller,
): DiskPlan[] {
  return [...mappingsInForce(image, requested)].map(([device, ebs]) => {
    const snapshot = launchSnapshot(account, image, ebs.SnapshotId)
    const performance = performanceOf({ ...ebs, Size: ebs.VolumeSize }, snapshot)
    checkTypeInZone(account, performance.type, zone)
    return {
      device,
      deleteOnTermination: ebs.DeleteOnTermination ?? true,
      volume: {
        zone,
        snapshot,
        performance,
        initializationRate: initializationRateOf(ebs.VolumeInitializationRate, snapshot),
        ...encryptionOf(account, ebs, snapshot, caller),
      },
    }
  })
}
