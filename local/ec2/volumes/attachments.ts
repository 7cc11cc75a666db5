/** AttachVolume and DetachVolume (AWS facts A.14). */
import type { AttachVolumeRequest, DetachVolumeRequest, VolumeAttachment } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { ATTACH_MS, DETACH_MS } from '../delays.ts'
import { toAttachmentOutput } from './describe-volumes.ts'
import { isDeviceName } from './device-names.ts'
import { attachmentProblem } from '../encryption.ts'
import { emitVolumeNotification } from '../events.ts'
import type { GuestDisk } from '../instances/guest.ts'
import { INSTANCE, VOLUME, find } from '../ids.ts'
import { volumesMax } from '../instances/instance-types.ts'
import { runOf } from '../model.ts'
import type { Account } from '../model.ts'
import type { Attachment, Volume } from './model.ts'
import type { Instance } from '../instances/model.ts'
import { invalidValue, operation, required } from '../request.ts'

const GIB = 1024 ** 3
const MULTI_ATTACH_MAX = 16

/** The disks that the guest of an instance sees now: what is on its way out is there until it is gone. */
export const disksOf = ({ disks }: Account, instance: Instance): GuestDisk[] =>
  [...instance.attachments.values()]
    .filter(({ state }) => state !== 'attaching')
    .map(({ device, volume }) => ({
      device,
      volumeId: volume.id,
      path: disks.materialise(volume.path, volume.sizeGiB),
      get sizeBytes() {
        return volume.sizeGiB * GIB
      },
    }))

/** Tells the guest of an instance, if one runs, what its disks are now. */
export function tellGuest(account: Account, instance: Instance): void {
  runOf(account, instance).guest?.disksChanged(disksOf(account, instance))
}

/** Enters an attachment on both sides; the caller lets it become `attached`. */
export function addAttachment(
  account: Account,
  { volume, instance, device }: Pick<Attachment, 'volume' | 'instance' | 'device'>,
  deleteOnTermination: boolean,
): Attachment {
  const attachment: Attachment = {
    volume,
    instance,
    device,
    attachedMs: account.clock.now(),
    state: 'attaching',
    deleteOnTermination,
  }
  volume.attachments.push(attachment)
  instance.attachments.set(device, attachment)
  return attachment
}

/** Takes an attachment off both sides. A volume that nobody holds any more becomes `available`. */
export function removeAttachment(account: Account, attachment: Attachment): void {
  const { volume, instance, device } = attachment
  attachment.state = 'detached'
  volume.attachments.splice(volume.attachments.indexOf(attachment), 1)
  instance.attachments.delete(device)
  if (volume.attachments.length === 0 && volume.state === 'in-use') volume.state = 'available'
  tellGuest(account, instance)
}

/** Ends a detach, unless something else (a termination) has ended it before. */
export function endDetach(account: Account, attachment: Attachment): void {
  if (attachment.state === 'detaching' || attachment.state === 'busy') removeAttachment(account, attachment)
}

const letDetach = (account: Account, attachment: Attachment): void =>
  void account.clock.after((attachment.dueMs ?? 0) - account.clock.now(), () => endDetach(account, attachment))

function letAttach(account: Account, attachment: Attachment): void {
  account.clock.after((attachment.dueMs ?? 0) - account.clock.now(), () => {
    if (attachment.state !== 'attaching') return
    const { keyProblem } = attachment
    if (keyProblem !== undefined) {
      removeAttachment(account, attachment)
      emitVolumeNotification(account, attachment.volume, 'attachVolume', 'failed', keyProblem)
      return
    }
    attachment.state = 'attached'
    attachment.dueMs = undefined
    tellGuest(account, attachment.instance)
  })
}

/** Goes on with the changes that were under way when the account was saved. */
export function resumeAttachments(account: Account): void {
  for (const { attachments } of account.volumes.values())
    for (const attachment of attachments) {
      if (attachment.dueMs === undefined) continue
      if (attachment.state === 'attaching') letAttach(account, attachment)
      else if (attachment.state === 'detaching') letDetach(account, attachment)
    }
}

function checkVolumeIsFree(volume: Volume, instance: Instance): void {
  const isShared = volume.multiAttach && !volume.attachments.some((one) => one.instance === instance)
  if (volume.attachments.length > 0 && !isShared)
    throw new AwsError('VolumeInUse', `${volume.id} is already attached to an instance`)
  if (volume.attachments.length >= MULTI_ATTACH_MAX)
    throw new AwsError(
      'AttachmentLimitExceeded',
      `Volume ${volume.id} is attached to ${MULTI_ATTACH_MAX} instances already.`,
    )
  if (volume.state !== 'available' && volume.state !== 'in-use')
    throw new AwsError('IncorrectState', `The volume '${volume.id}' is not 'available'.`)
}

function attachVolume(account: Account, request: AttachVolumeRequest, caller: Caller): VolumeAttachment {
  const device = required(request.Device, 'device')
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'instanceId'))
  if (!isDeviceName(device))
    throw invalidValue(`Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`)
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new AwsError('IncorrectState', `Instance '${instance.id}' is not 'running'.`)
  checkVolumeIsFree(volume, instance)
  if (volume.zone.id !== instance.zone.id)
    throw new AwsError(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
    )
  if (instance.attachments.has(device) || instance.image.instanceStoreDevices.includes(device))
    throw invalidValue(`Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`)
  if (instance.attachments.size >= volumesMax(instance.type, instance.interfaceIds.length))
    throw new AwsError('AttachmentLimitExceeded', `Volume attachment limit exceeded for instance ${instance.id}.`)

  const attachment = addAttachment(account, { volume, instance, device }, false)
  const keyProblem = attachmentProblem(account, caller, [volume])
  if (keyProblem !== '') attachment.keyProblem = keyProblem
  volume.state = 'in-use'
  attachment.dueMs = account.clock.now() + ATTACH_MS
  letAttach(account, attachment)
  return toAttachmentOutput(attachment)
}

/** The attachment that a DetachVolume means. @throws AwsError InvalidAttachment.NotFound, IncorrectState, InvalidParameterCombination */
function attachmentMeant(volume: Volume, { InstanceId, Device }: DetachVolumeRequest): Attachment {
  if (volume.attachments.length === 0)
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`)
  if (volume.multiAttach && InstanceId === undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      `The instance must be specified to detach the Multi-Attach enabled volume '${volume.id}'.`,
    )
  const attachment = volume.attachments.find(
    ({ instance, device }) =>
      (InstanceId === undefined || instance.id === InstanceId) && (Device === undefined || device === Device),
  )
  if (attachment) return attachment
  throw new AwsError(
    'InvalidAttachment.NotFound',
    `The volume '${volume.id}' is not attached to instance '${InstanceId ?? ''}' as device '${Device ?? ''}'.`,
  )
}

function checkDetachable({ volume, instance, device, state }: Attachment, force: boolean): void {
  if (instance.state === 'shutting-down' || instance.state === 'terminated')
    throw new AwsError(
      'IncorrectInstanceState',
      `Unable to detach volume '${volume.id}'. Instance '${instance.id}' is not in a state in which volumes can be detached.`,
    )
  if (device === instance.image.rootDeviceName && instance.state !== 'stopped')
    throw new AwsError('IncorrectState', `Unable to detach root volume '${volume.id}' from instance '${instance.id}'`)
  const isStuck = state === 'detaching' || state === 'busy'
  if (state !== 'attached' && !(isStuck && force))
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${state}' state.`)
}

function detachVolume(account: Account, request: DetachVolumeRequest): VolumeAttachment {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  if (request.InstanceId !== undefined) find(INSTANCE, account.instances, request.InstanceId)
  const attachment = attachmentMeant(volume, request)
  const force = request.Force ?? false
  checkDetachable(attachment, force)
  attachment.state = 'detaching'
  if (!force && account.troubles.stuckDetaches.delete(volume.id)) {
    // Of a running guest, what keeps a detach from ending is a file system still mounted (AWS facts A.14).
    if (attachment.instance.state === 'running') attachment.state = 'busy'
  } else {
    attachment.dueMs = account.clock.now() + DETACH_MS
    letDetach(account, attachment)
  }
  return toAttachmentOutput(attachment)
}

export const attachmentOperations = (account: Account): Operations => ({
  AttachVolume: operation<AttachVolumeRequest>(['VolumeId', 'InstanceId', 'Device'], (input, caller) =>
    attachVolume(account, input, caller),
  ),
  DetachVolume: operation<DetachVolumeRequest>(['VolumeId', 'InstanceId', 'Device', 'Force'], (input) =>
    detachVolume(account, input),
  ),
})
