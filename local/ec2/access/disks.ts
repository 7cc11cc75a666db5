/** What is asked of volumes and snapshots. */
import type {
  AttachVolumeRequest,
  CreateSnapshotRequest,
  CreateSnapshotsRequest,
  CreateVolumeRequest,
  DeleteSnapshotRequest,
  DeleteVolumeRequest,
  DetachVolumeRequest,
} from '@aws-sdk/client-ec2'
import type { AccessMap } from '../../wire/access.ts'
import type { AccessRequest } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { arnOf, asks, asksToMake, instanceTarget, present, snapshotTarget, volumeTarget } from './resources.ts'

function createVolumeAsks(account: Account, input: CreateVolumeRequest): AccessRequest[] {
  const { SnapshotId: snapshotId } = input
  const source = snapshotId === undefined ? undefined : account.snapshots.get(snapshotId)
  return [
    ...asksToMake(account, 'CreateVolume', 'volume', input.TagSpecifications, {
      ...present({
        'ec2:VolumeSize': input.Size ?? source?.sizeGiB,
        'ec2:VolumeType': input.VolumeType ?? 'gp2',
        'ec2:VolumeIops': input.Iops,
        'ec2:VolumeThroughput': input.Throughput,
        'ec2:Encrypted': input.Encrypted ?? source?.encryption !== undefined,
        'ec2:KmsKeyId': input.KmsKeyId,
        'ec2:AvailabilityZone': input.AvailabilityZone,
        'ec2:AvailabilityZoneId': input.AvailabilityZoneId,
        'ec2:ParentSnapshot': snapshotId === undefined ? undefined : arnOf(account, 'snapshot', snapshotId),
      }),
    }),
    ...(snapshotId === undefined ? [] : asks('CreateVolume', [snapshotTarget(account, snapshotId)])),
  ]
}

/** The volumes that a set would have: those left out are not asked about. */
function createSnapshotsAsks(account: Account, input: CreateSnapshotsRequest): AccessRequest[] {
  const {
    InstanceId: id,
    ExcludeBootVolume: isRootLeftOut,
    ExcludeDataVolumeIds: leftOut = [],
  } = input.InstanceSpecification ?? {}
  const instance = account.instances.get(id ?? '')
  const volumes = [...(instance?.attachments.values() ?? [])].filter(
    ({ volume, device }) =>
      !leftOut.includes(volume.id) && !(isRootLeftOut === true && device === instance?.image.rootDeviceName),
  )
  const snapshots = volumes.length > 0 ? volumes.map(({ volume }) => volume) : [undefined]
  return [
    ...asks('CreateSnapshots', [instanceTarget(account, id)]),
    ...asks(
      'CreateSnapshots',
      volumes.map(({ volume }) => volumeTarget(account, volume.id)),
    ),
    ...snapshots.flatMap((volume) =>
      asksToMake(account, 'CreateSnapshots', 'snapshot', input.TagSpecifications, {
        ...present({
          'ec2:ParentVolume': volume && arnOf(account, 'volume', volume.id),
          'ec2:VolumeSize': volume?.sizeGiB,
        }),
      }),
    ),
  ]
}

function createSnapshotAsks(account: Account, input: CreateSnapshotRequest): AccessRequest[] {
  const { VolumeId: id = '*' } = input
  return [
    ...asks('CreateSnapshot', [volumeTarget(account, id)]),
    ...asksToMake(account, 'CreateSnapshot', 'snapshot', input.TagSpecifications, {
      'ec2:ParentVolume': arnOf(account, 'volume', id),
      ...present({ 'ec2:VolumeSize': account.volumes.get(id)?.sizeGiB }),
    }),
  ]
}

/** A detach need not name the instance: it is the one that holds the volume. */
function detachAsks(account: Account, { VolumeId: id, InstanceId }: DetachVolumeRequest): AccessRequest[] {
  const holder = InstanceId ?? account.volumes.get(id ?? '')?.attachments[0]?.instance.id
  return asks('DetachVolume', [
    volumeTarget(account, id),
    ...(holder === undefined ? [] : [instanceTarget(account, holder)]),
  ])
}

export const diskAccess = (account: Account): AccessMap => ({
  CreateVolume: (input: CreateVolumeRequest) => createVolumeAsks(account, input),
  DeleteVolume: ({ VolumeId }: DeleteVolumeRequest) => asks('DeleteVolume', [volumeTarget(account, VolumeId)]),
  AttachVolume: ({ VolumeId, InstanceId }: AttachVolumeRequest) =>
    asks('AttachVolume', [instanceTarget(account, InstanceId), volumeTarget(account, VolumeId)]),
  DetachVolume: (input: DetachVolumeRequest) => detachAsks(account, input),
  CreateSnapshots: (input: CreateSnapshotsRequest) => createSnapshotsAsks(account, input),
  CreateSnapshot: (input: CreateSnapshotRequest) => createSnapshotAsks(account, input),
  DeleteSnapshot: ({ SnapshotId }: DeleteSnapshotRequest) =>
    asks('DeleteSnapshot', [snapshotTarget(account, SnapshotId)]),
})
