/** Replacing the root volume of a running instance, from four sources (AWS facts A.16). */
import type {
  CreateReplaceRootVolumeTaskRequest,
  DescribeReplaceRootVolumeTasksRequest,
  ReplaceRootVolumeTask as TaskOutput,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { addAttachment, removeAttachment } from '../volumes/attachments.ts'
import { ROOT_TASK_BEGIN_MS, ROOT_TASK_SWAP_MS } from '../delays.ts'
import { describe } from '../describe.ts'
import { encryptionOf } from '../encryption.ts'
import { INSTANCE, REPLACE_ROOT_TASK, VOLUME, find } from '../ids.ts'
import { rootDiskOf } from '../images/fit.ts'
import type { Image } from '../images/model.ts'
import { imageAnywhere, launchSnapshot, usableImage } from '../images/shares.ts'
import { bringUp, quieten } from './instance-states.ts'
import { runOf } from '../model.ts'
import type { Account } from '../model.ts'
import type { Attachment, Volume } from '../volumes/model.ts'
import type { Instance, ReplaceRootTask } from './model.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { newResource } from '../network/default-vpc.ts'
import { ClientTokens, invalidValue, operation, required } from '../request.ts'
import { mergeTags, tagsOnCreation, toTagSet } from '../tags.ts'
import { beginDeletion } from '../volumes/volume-states.ts'
import { makeVolume, sourceSnapshot } from '../volumes/volumes.ts'

const isUnderWay = ({ state }: ReplaceRootTask): boolean =>
  state === 'pending' || state === 'in-progress' || state === 'failing'

function rootOf(instance: Instance): Attachment {
  const root = instance.attachments.get(instance.image.rootDeviceName)
  if (root?.state === 'attached') return root
  throw invalidValue(`Instance '${instance.id}' has no root volume attached.`)
}

function checkInstance(account: Account, instance: Instance): void {
  if (instance.image.rootDeviceType === 'instance-store')
    throw new AwsError('UnsupportedOperation', `The instance '${instance.id}' does not have an 'ebs' root device type.`)
  if (instance.state !== 'running')
    throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is not in the 'running' state.`)
  for (const task of account.rootTasks.values())
    if (task.instanceId === instance.id && isUnderWay(task))
      throw new AwsError('IncorrectState', `A replacement of the root volume of '${instance.id}' is in progress.`)
}

/** Only a snapshot of what was this instance's root is taken; a copy is none (AWS facts A.16). */
function lineageSnapshot(account: Account, instance: Instance, snapshotId: string): Snapshot | undefined {
  const snapshot = sourceSnapshot(account, snapshotId)
  if (snapshot && !instance.rootVolumeIds.includes(snapshot.volumeId))
    throw invalidValue(
      `Invalid snapshot for root volume for virt ${instance.id}. The snapshot should be of one of the root volumes attached to the instance in the past`,
    )
  return snapshot
}

function imageFor(account: Account, { image, id }: Instance, root: Volume, imageId: string): Image {
  const { image: replacement } = usableImage(account, imageId)
  const pairs = [
    ['architecture', image.architecture, replacement.architecture],
    ['virtualization type', image.virtualizationType, replacement.virtualizationType],
    ['billing information', image.software.usageOperation, replacement.software.usageOperation],
    ['root device name', image.rootDeviceName, replacement.rootDeviceName],
  ] as const
  for (const [what, present, wanted] of pairs)
    if (present !== wanted)
      throw invalidValue(`The ${what} of the image '${imageId}' must be that of the instance '${id}' (${present}).`)
  if ((rootDiskOf(replacement)?.sizeGiB ?? 0) < root.sizeGiB)
    throw invalidValue(`The root volume of the image '${imageId}' is smaller than that of the instance '${id}'.`)
  return replacement
}

function existingVolume(account: Account, root: Volume, volumeId: string): Volume {
  const volume = find(VOLUME, account.volumes, volumeId)
  if (volume.state !== 'available')
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
  if (volume.zone.id !== root.zone.id)
    throw new AwsError('InvalidVolume.ZoneMismatch', `The volume '${volume.id}' is not in the same availability zone.`)
  if (root.encryption && !volume.encryption)
    throw invalidValue(`The volume '${volume.id}' must be encrypted, as the present root volume is.`)
  return volume
}

/** The new root keeps type, size and key of the old one. */
function newRoot(
  account: Account,
  root: Volume,
  { snapshot, sizeGiB, caller }: { snapshot: Snapshot | undefined; sizeGiB: number; caller: Caller },
): Volume {
  const { type, iops, throughput, multiAttach, zone, encryption } = root
  const wanted = encryption ? { Encrypted: true, KmsKeyId: encryption.kmsKeyId } : {}
  return makeVolume(account, {
    performance: { type, sizeGiB, iops, throughput, multiAttach },
    zone,
    snapshot,
    ...encryptionOf(account, wanted, snapshot, caller),
    tags: [],
  })
}

function replacementFor(
  account: Account,
  instance: Instance,
  request: CreateReplaceRootVolumeTaskRequest,
  caller: Caller,
): Volume {
  const { volume: root } = rootOf(instance)
  const { SnapshotId, ImageId, VolumeId } = request
  if (VolumeId !== undefined) return existingVolume(account, root, VolumeId)
  if (SnapshotId !== undefined) {
    const snapshot = lineageSnapshot(account, instance, SnapshotId)
    return newRoot(account, root, { snapshot, sizeGiB: root.sizeGiB, caller })
  }
  const image = ImageId === undefined ? instance.image : imageFor(account, instance, root, ImageId)
  const disk = rootDiskOf(image)
  const snapshot = launchSnapshot(account, image, required(disk?.snapshotId, 'snapshotId'))
  return newRoot(account, root, { snapshot, sizeGiB: Math.max(root.sizeGiB, disk?.sizeGiB ?? 0), caller })
}

function createTask(
  account: Account,
  tokens: ClientTokens<string>,
  request: CreateReplaceRootVolumeTaskRequest,
  caller: Caller,
): object {
  const earlier = account.rootTasks.get(tokens.earlier(request.ClientToken, request) ?? '')
  if (earlier) return { ReplaceRootVolumeTask: toOutput(earlier) }
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'instanceId'))
  const sources = [request.SnapshotId, request.ImageId, request.VolumeId].filter((source) => source !== undefined)
  if (sources.length > 1)
    throw new AwsError('InvalidParameterCombination', 'Only one of snapshotId, imageId and volumeId can be specified.')
  checkInstance(account, instance)
  const tags = tagsOnCreation(request.TagSpecifications, ['replace-root-volume-task'])['replace-root-volume-task']
  const replacement = replacementFor(account, instance, request, caller)
  const task: ReplaceRootTask = {
    ...newResource(account, 'replacevol'),
    tags: mergeTags(new Map(), tags),
    instanceId: instance.id,
    snapshotId: request.SnapshotId,
    imageId: request.ImageId,
    deleteReplaced: request.DeleteReplacedRootVolume ?? false,
    state: 'pending',
    replacementId: replacement.id,
    dueMs: account.clock.now() + ROOT_TASK_BEGIN_MS,
  }
  account.rootTasks.set(task.id, task)
  tokens.remember(request.ClientToken, request, task.id)
  follow(account, task)
  return { ReplaceRootVolumeTask: toOutput(task) }
}

function follow(account: Account, task: ReplaceRootTask): void {
  const { dueMs } = task
  if (dueMs === undefined) return
  account.clock.after(dueMs - account.clock.now(), () => void account.clock.holding(() => goOn(account, task)))
}

async function goOn(account: Account, task: ReplaceRootTask): Promise<void> {
  const instance = account.instances.get(task.instanceId)
  if (!instance) return
  if (task.state === 'pending') {
    task.state = 'in-progress'
    task.dueMs = account.clock.now() + ROOT_TASK_SWAP_MS
    follow(account, task)
    return
  }
  quieten(account, instance)
  await runOf(account, instance).guestChange
  const replacement = account.volumes.get(task.replacementId)
  const isThere =
    replacement && ((await account.running.volumeCreations.get(replacement.id)) ?? replacement.state === 'available')
  const trouble = account.troubles.failingRootReplacements.get(instance.id)
  account.troubles.failingRootReplacements.delete(instance.id)
  const isFine = isThere && trouble === undefined && instance.state === 'running'
  if (isFine && swap(account, instance, task, replacement)) end(account, task, 'succeeded')
  else fail(account, instance, task, trouble ?? 'failed')
  if (instance.state === 'running' && instance.attachments.has(instance.image.rootDeviceName))
    await bringUp(account, instance)
}

function swap(account: Account, instance: Instance, task: ReplaceRootTask, replacement: Volume): boolean {
  const old = instance.attachments.get(instance.image.rootDeviceName)
  if (!old) return false
  const { device, deleteOnTermination, volume } = old
  removeAttachment(account, old)
  const attachment = addAttachment(account, { volume: replacement, instance, device }, deleteOnTermination)
  attachment.state = 'attached'
  replacement.state = 'in-use'
  instance.rootVolumeIds.push(replacement.id)
  const found = imageAnywhere(account, task.imageId ?? '')
  if (found) instance.image = found.image
  if (task.deleteReplaced && volume.attachments.length === 0) beginDeletion(account, volume)
  return true
}

/** The old root stays, or in the worst case the instance is left without one. */
function fail(account: Account, instance: Instance, task: ReplaceRootTask, how: 'failed' | 'failed-detached'): void {
  const root = instance.attachments.get(instance.image.rootDeviceName)
  if (how === 'failed-detached' && root) {
    removeAttachment(account, root)
    instance.impairments.set('instance', account.clock.now())
  }
  end(account, task, how)
}

function end(account: Account, task: ReplaceRootTask, state: ReplaceRootTask['state']): void {
  task.state = state
  task.dueMs = undefined
  task.completedMs = account.clock.now()
}

/** Goes on with the tasks of a restored account. */
export function resumeRootTasks(account: Account): void {
  for (const task of account.rootTasks.values()) follow(account, task)
}

const isoText = (ms: number): string => new Date(ms).toISOString()

const toOutput = (task: ReplaceRootTask): TaskOutput => ({
  ReplaceRootVolumeTaskId: task.id,
  InstanceId: task.instanceId,
  TaskState: task.state,
  StartTime: isoText(task.createdMs),
  CompleteTime: task.completedMs === undefined ? undefined : isoText(task.completedMs),
  SnapshotId: task.snapshotId,
  ImageId: task.imageId,
  DeleteReplacedRootVolume: task.deleteReplaced,
  Tags: toTagSet(task.tags),
})

function describeTasks(account: Account, request: DescribeReplaceRootVolumeTasksRequest): object {
  const description = {
    kind: REPLACE_ROOT_TASK,
    among: account.rootTasks,
    filters: { 'instance-id': ({ instanceId }: ReplaceRootTask) => instanceId },
    idsParameter: 'replaceRootVolumeTaskIdSet',
    limits: { min: 1, max: 50 },
  }
  const { items, nextToken } = describe(account, description, request, request.ReplaceRootVolumeTaskIds)
  return { ReplaceRootVolumeTasks: items.map(toOutput), NextToken: nextToken }
}

export function replaceRootOperations(account: Account): Operations {
  const tokens = new ClientTokens<string>(account.state.rootTaskTokens)
  return {
    CreateReplaceRootVolumeTask: operation<CreateReplaceRootVolumeTaskRequest>(
      [
        'InstanceId',
        'SnapshotId',
        'ImageId',
        'VolumeId',
        'DeleteReplacedRootVolume',
        'ClientToken',
        'TagSpecifications',
      ],
      (input, caller) => createTask(account, tokens, input, caller),
    ),
    DescribeReplaceRootVolumeTasks: operation<DescribeReplaceRootVolumeTasksRequest>(
      ['ReplaceRootVolumeTaskIds', 'Filters', 'MaxResults', 'NextToken'],
      (input) => describeTasks(account, input),
    ),
  }
}
