/** RegisterImage, CreateImage and DeregisterImage (AWS facts A.17). */
import type {
  BlockDeviceMapping,
  CreateImageRequest,
  DeregisterImageRequest,
  EbsBlockDevice,
  RegisterImageRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { isDeviceName } from '../volumes/device-names.ts'
import { INSTANCE, find } from '../ids.ts'
import { bringUp, quieten } from '../instances/instance-states.ts'
import { runOf } from '../model.ts'
import type { Account } from '../model.ts'
import type { Attachment } from '../volumes/model.ts'
import type { Instance } from '../instances/model.ts'
import { newResource } from '../network/default-vpc.ts'
import { invalidValue, operation, required, supportOnly } from '../request.ts'
import { forget } from '../snapshots/snapshot-states.ts'
import { checkMayBeSnapshotted, takeSnapshots } from '../snapshots/snapshots.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { performanceOf } from '../volumes/volume-types.ts'
import { sourceSnapshot } from '../volumes/volumes.ts'
import { LINUX } from './host-images.ts'
import type { Image, ImageDisk } from './model.ts'
import { checkNewImage } from './names.ts'
import { usableImage } from './shares.ts'
import { imageUsing } from './use.ts'

const UEFI_DATA_MAX = 64_000
const DISK_PARAMETERS = [
  'DeleteOnTermination',
  'Encrypted',
  'Iops',
  'KmsKeyId',
  'SnapshotId',
  'Throughput',
  'VolumeSize',
  'VolumeType',
]

const invalidMapping = (message: string): AwsError => new AwsError('InvalidBlockDeviceMapping', message)

function checkEncryption(device: string, { Encrypted, KmsKeyId, SnapshotId }: EbsBlockDevice): void {
  // It follows the snapshot (AWS facts A.17).
  if (SnapshotId !== undefined && Encrypted !== undefined)
    throw invalidMapping(`the encrypted flag cannot be specified if device ${device} has a snapshot specified.`)
  if (KmsKeyId !== undefined) throw invalidMapping(`a KMS key cannot be specified for device ${device} of an image.`)
}

function diskOf(account: Account, mapping: BlockDeviceMapping): ImageDisk {
  supportOnly(mapping, ['DeviceName', 'Ebs'], 'BlockDeviceMapping.')
  const device = required(mapping.DeviceName, 'BlockDeviceMapping.DeviceName')
  const ebs = required(mapping.Ebs, 'BlockDeviceMapping.Ebs')
  supportOnly(ebs, DISK_PARAMETERS, 'BlockDeviceMapping.Ebs.')
  if (!isDeviceName(device)) throw invalidMapping(`Invalid device name ${device}`)
  checkEncryption(device, ebs)
  const snapshot = sourceSnapshot(account, ebs.SnapshotId)
  const { type, sizeGiB, iops, throughput } = performanceOf({ ...ebs, Size: ebs.VolumeSize }, snapshot)
  return {
    device,
    snapshotId: snapshot?.id,
    sizeGiB,
    type,
    // What nobody asked for is left to the launch.
    iops: ebs.Iops === undefined ? undefined : iops,
    throughput: ebs.Throughput === undefined ? undefined : throughput,
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
    encrypted: snapshot ? snapshot.encryption !== undefined : (ebs.Encrypted ?? false),
  }
}

function disksOf(account: Account, request: RegisterImageRequest): ImageDisk[] {
  const root = required(request.RootDeviceName, 'rootDeviceName')
  const disks = (request.BlockDeviceMappings ?? [])
    .filter(({ NoDevice }) => NoDevice === undefined)
    .map((mapping) => diskOf(account, mapping))
  if (new Set(disks.map(({ device }) => device)).size < disks.length)
    throw invalidMapping('A device is used in more than one block-device mapping')
  const rootDisk = disks.find(({ device }) => device === root)
  if (rootDisk?.snapshotId === undefined) throw invalidMapping(`The root device '${root}' must be mapped to a snapshot`)
  return [rootDisk, ...disks.filter((disk) => disk !== rootDisk)]
}

function checkChoices(request: RegisterImageRequest): void {
  const { Architecture, BootMode, TpmSupport, UefiData, VirtualizationType = 'paravirtual' } = request
  if (VirtualizationType !== 'paravirtual' && VirtualizationType !== 'hvm')
    throw invalidValue(`Value (${VirtualizationType}) for parameter virtualizationType is invalid.`)
  if (Architecture === 'arm64' && (VirtualizationType !== 'hvm' || BootMode === 'legacy-bios'))
    throw new AwsError('InvalidParameterCombination', 'Images of architecture arm64 are hvm and boot by uefi.')
  if (TpmSupport !== undefined && BootMode !== 'uefi')
    throw new AwsError('InvalidParameterCombination', 'The parameter tpmSupport requires the boot mode uefi.')
  if (UefiData !== undefined && (BootMode === undefined || BootMode === 'legacy-bios'))
    throw new AwsError('InvalidParameterCombination', 'The parameter uefiData requires the boot mode uefi.')
  if ((UefiData?.length ?? 0) > UEFI_DATA_MAX)
    throw invalidValue(`The parameter uefiData is limited to ${UEFI_DATA_MAX} characters.`)
}

/** The defaults are those of old: i386 and paravirtual run on hardly any type (AWS facts A.17). */
function registerImage(account: Account, request: RegisterImageRequest): object {
  const name = required(request.Name, 'name')
  checkChoices(request)
  const disks = disksOf(account, request)
  checkNewImage(account, name, request.Description)
  const root = account.snapshots.get(disks[0]?.snapshotId ?? '')
  const image: Image = {
    ...newResource(account, 'ami'),
    tags: mergeTags(new Map(), tagsOnCreation(request.TagSpecifications, ['image']).image),
    name,
    description: request.Description ?? '',
    ownerId: account.accountId,
    architecture: request.Architecture ?? 'i386',
    virtualizationType: request.VirtualizationType === 'hvm' ? 'hvm' : 'paravirtual',
    rootDeviceName: required(request.RootDeviceName, 'rootDeviceName'),
    rootDeviceType: 'ebs',
    disks,
    instanceStoreDevices: [],
    bootMode: request.BootMode,
    enaSupport: request.EnaSupport ?? false,
    sriovNetSupport: request.SriovNetSupport,
    tpmSupport: request.TpmSupport,
    imdsSupport: request.ImdsSupport,
    uefiData: request.UefiData,
    // What AWS bills for goes by the snapshot, whoever registers it (AWS facts A.17).
    software: root?.software ?? LINUX,
    isPublic: false,
    launchPermissions: new Set(),
  }
  account.images.set(image.id, image)
  return { ImageId: image.id }
}

/** The disks of a new image of an instance, as the request changes them. */
function disksToImage(
  instance: Instance,
  mappings: readonly BlockDeviceMapping[],
): { attachment: Attachment; by?: EbsBlockDevice }[] {
  const asked = new Map(
    mappings.map((mapping) => {
      supportOnly(mapping, ['DeviceName', 'Ebs', 'NoDevice'], 'BlockDeviceMapping.')
      supportOnly(mapping.Ebs ?? {}, ['DeleteOnTermination', 'VolumeType', 'VolumeSize'], 'BlockDeviceMapping.Ebs.')
      return [required(mapping.DeviceName, 'BlockDeviceMapping.DeviceName'), mapping]
    }),
  )
  for (const device of asked.keys())
    if (!instance.attachments.has(device)) throw invalidMapping(`No device is currently mapped at ${device}`)
  if (asked.get(instance.image.rootDeviceName)?.NoDevice !== undefined)
    throw invalidMapping('The root device cannot be suppressed')
  return [...instance.attachments.values()]
    .filter(({ state, device }) => state === 'attached' && asked.get(device)?.NoDevice === undefined)
    .map((attachment) => ({ attachment, by: asked.get(attachment.device)?.Ebs }))
}

/** Crash-consistent with NoReboot; otherwise the guest is shut down for it and comes up again (AWS facts A.17). */
async function createImage(account: Account, request: CreateImageRequest): Promise<object> {
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'instanceId'))
  const name = required(request.Name, 'name')
  checkNewImage(account, name, request.Description)
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new AwsError('IncorrectState', `Instance '${instance.id}' is not 'running' or 'stopped'.`)
  const planned = disksToImage(instance, request.BlockDeviceMappings ?? [])
  if (!planned.some(({ attachment }) => attachment.device === instance.image.rootDeviceName))
    throw invalidValue(`Instance '${instance.id}' has no root volume that an image can be made of.`)
  const tags = tagsOnCreation(request.TagSpecifications, ['image', 'snapshot'])
  for (const { attachment } of planned) checkMayBeSnapshotted(account, attachment.volume)
  const resource = newResource(account, 'ami')
  const reboots = instance.state === 'running' && !request.NoReboot
  if (reboots) {
    quieten(account, instance)
    await runOf(account, instance).guestChange
  }
  const snapshots = await takeSnapshots(
    account,
    planned.map(({ attachment: { volume } }) => ({ volume, tags: mergeTags(new Map(), tags.snapshot) })),
    `Created by CreateImage(${instance.id}) for ${resource.id}`,
  )
  if (reboots && instance.state === 'running') void account.clock.holding(() => bringUp(account, instance))
  const { image } = instance
  const disks = planned.map(({ attachment: { device, volume, deleteOnTermination }, by }, index): ImageDisk => ({
    device,
    snapshotId: snapshots[index]?.id,
    sizeGiB: Math.max(volume.sizeGiB, by?.VolumeSize ?? 0),
    type: by?.VolumeType ?? volume.type,
    iops: by?.VolumeType === undefined ? volume.iops : undefined,
    throughput: by?.VolumeType === undefined ? volume.throughput : undefined,
    deleteOnTermination: by?.DeleteOnTermination ?? deleteOnTermination,
    encrypted: volume.encryption !== undefined,
  }))
  account.images.set(resource.id, {
    ...image,
    ...resource,
    tags: mergeTags(new Map(), tags.image),
    name,
    description: request.Description ?? '',
    ownerId: account.accountId,
    ownerAlias: undefined,
    disks,
    enaSupport: instance.enaSupport,
    sourceInstanceId: instance.id,
    sourceImageId: image.id,
    sourceImageRegion: account.region,
    isPublic: false,
    launchPermissions: new Set(),
    lastLaunchedMs: undefined,
  })
  return { ImageId: resource.id }
}

/** @throws AwsError AuthFailure for an image of somebody else */
export function ownImage(account: Account, imageId: string | undefined): Image {
  const { image } = usableImage(account, required(imageId, 'imageId'))
  if (image.ownerId === account.accountId) return image
  throw new AwsError('AuthFailure', `Not authorized for image:${image.id}`)
}

/** Instances that run from it run on; its snapshots stay unless they are to go, too. */
function deregisterImage(account: Account, request: DeregisterImageRequest): object {
  const image = ownImage(account, request.ImageId)
  account.images.delete(image.id)
  if (!request.DeleteAssociatedSnapshots) return { Return: true }
  const results = image.disks.flatMap(({ snapshotId }) => {
    const snapshot = account.snapshots.get(snapshotId ?? '')
    if (!snapshot) return []
    if (imageUsing(account, snapshot.id)) return [{ SnapshotId: snapshot.id, ReturnCode: 'skipped' }]
    if (snapshot.state === 'pending') snapshot.deleted = true
    else forget(account, snapshot)
    return [{ SnapshotId: snapshot.id, ReturnCode: 'success' }]
  })
  return { Return: true, DeleteSnapshotResults: results }
}

export const imageOperations = (account: Account): Operations => ({
  RegisterImage: operation<RegisterImageRequest>(
    [
      'Architecture',
      'BlockDeviceMappings',
      'BootMode',
      'Description',
      'EnaSupport',
      'ImdsSupport',
      'Name',
      'RootDeviceName',
      'SriovNetSupport',
      'TagSpecifications',
      'TpmSupport',
      'UefiData',
      'VirtualizationType',
    ],
    (input) => registerImage(account, input),
  ),
  CreateImage: operation<CreateImageRequest>(
    ['InstanceId', 'Name', 'Description', 'NoReboot', 'BlockDeviceMappings', 'TagSpecifications'],
    (input) => createImage(account, input),
  ),
  DeregisterImage: operation<DeregisterImageRequest>(['ImageId', 'DeleteAssociatedSnapshots'], (input) =>
    deregisterImage(account, input),
  ),
})
