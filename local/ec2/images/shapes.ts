/** The shape of an image in answers. */
import type { BlockDeviceMapping, Image as ImageOutput } from '@aws-sdk/client-ec2'
import { asSeenBy } from '../across-accounts.ts'
import type { Account } from '../model.ts'
import { toTagList } from '../tags.ts'
import type { Image } from './model.ts'
import { ownerOf } from './shares.ts'

/** EC2 names no platform but Windows. */
export const platformOf = ({ software }: Pick<Image, 'software'>): 'Windows' | undefined =>
  software.platformDetails.startsWith('Windows') ? 'Windows' : undefined

/** An image is there when its snapshots are (AWS facts A.17). */
export function stateOf(account: Account, image: Image): 'pending' | 'available' | 'failed' {
  const { disks, failure } = image
  const { snapshots } = ownerOf(account, image)
  if (failure !== undefined) return 'failed'
  const states = disks.flatMap(({ snapshotId }) => (snapshotId === undefined ? [] : [snapshots.get(snapshotId)?.state]))
  if (states.includes('error')) return 'failed'
  return states.includes('pending') ? 'pending' : 'available'
}

export const toMappings = ({ disks }: Image): BlockDeviceMapping[] =>
  disks.map((disk) => ({
    DeviceName: disk.device,
    Ebs: {
      SnapshotId: disk.snapshotId,
      VolumeSize: disk.sizeGiB,
      VolumeType: disk.type,
      Iops: disk.iops,
      Throughput: disk.throughput,
      DeleteOnTermination: disk.deleteOnTermination,
      Encrypted: disk.encrypted,
    },
  }))

export function toImageOutput(account: Account, image: Image): ImageOutput {
  const state = stateOf(account, image)
  return {
    ImageId: image.id,
    ImageLocation: `${image.ownerAlias ?? image.ownerId}/${image.name}`,
    ImageType: 'machine',
    Name: image.name,
    Description: image.description,
    State: state,
    StateReason:
      state === 'failed'
        ? { Code: 'Client.InternalError', Message: image.failure ?? 'A snapshot of the image has failed.' }
        : undefined,
    OwnerId: image.ownerId,
    ImageOwnerAlias: image.ownerAlias,
    CreationDate: new Date(image.createdMs).toISOString(),
    Public: image.isPublic,
    ProductCodes: [],
    Architecture: image.architecture as ImageOutput['Architecture'],
    VirtualizationType: image.virtualizationType,
    Hypervisor: 'xen',
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: image.rootDeviceType,
    BlockDeviceMappings: toMappings(image),
    BootMode: image.bootMode as ImageOutput['BootMode'],
    EnaSupport: image.enaSupport,
    SriovNetSupport: image.sriovNetSupport,
    TpmSupport: image.tpmSupport as ImageOutput['TpmSupport'],
    ImdsSupport: image.imdsSupport as ImageOutput['ImdsSupport'],
    Platform: platformOf(image),
    PlatformDetails: image.software.platformDetails,
    UsageOperation: image.software.usageOperation,
    SourceInstanceId: image.sourceInstanceId,
    SourceImageId: image.sourceImageId,
    SourceImageRegion: image.sourceImageRegion,
    LastLaunchedTime: image.lastLaunchedMs === undefined ? undefined : new Date(image.lastLaunchedMs).toISOString(),
    Tags: toTagList((account.images.has(image.id) ? image : asSeenBy(account, image)).tags),
  }
}
