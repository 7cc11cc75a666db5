/** StartInstances, StopInstances, TerminateInstances (AWS facts A.17). All instances of a request are checked before the first changes. */
import type {
  InstanceStateChange,
  RebootInstancesRequest,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { toStateOutput } from './describe-instances.ts'
import { roomFor } from './capacity.ts'
import { attachmentProblem } from '../encryption.ts'
import { emitVolumeNotification } from '../events.ts'
import { INSTANCE, findAll } from '../ids.ts'
import { instanceTypeOf } from './instance-types.ts'
import { INTERNAL_ERROR, beginBoot, beginStop, beginTermination, failureOf, reboot } from './instance-states.ts'
import type { Account } from '../model.ts'
import type { Instance } from './model.ts'
import { givePublicIp } from '../network/interface-states.ts'
import { invalidValue, operation, required } from '../request.ts'

const IDS_MAX = 1000

function instancesNamed(account: Account, ids: readonly string[] | undefined): Instance[] {
  const named = [...new Set(required(ids?.length ? ids : undefined, 'InstanceId'))]
  if (named.length > IDS_MAX) throw invalidValue(`No more than ${IDS_MAX} instances can be named in one request.`)
  return findAll(INSTANCE, account.instances, named)
}

function change(instances: readonly Instance[], act: (instance: Instance) => void): InstanceStateChange[] {
  return instances.map((instance) => {
    const PreviousState = toStateOutput(instance)
    act(instance)
    return { InstanceId: instance.id, PreviousState, CurrentState: toStateOutput(instance) }
  })
}

function checkMayStart(account: Account, instance: Instance): void {
  const { id, image, state } = instance
  if (state === 'running' || state === 'pending') return
  if (state !== 'stopped')
    throw new AwsError('IncorrectInstanceState', `The instance '${id}' is not in a state from which it can be started.`)
  if (instance.attachments.get(image.rootDeviceName)?.state !== 'attached')
    throw invalidValue(
      `Invalid value '${id}' for instanceId. Instance does not have a volume attached at root (${image.rootDeviceName})`,
    )
  const planned = account.troubles.refusedStarts.get(id)
  if (planned === undefined || planned === 'falls-back') {
    const type = instanceTypeOf(instance.type)
    const market = instance.spot ? 'spot' : 'on-demand'
    roomFor(account, { type, zone: instance.zone, on: 'start', market, least: 1, most: 1 })
    return
  }
  account.troubles.refusedStarts.delete(id)
  // What EC2 lacks itself it says with a 500 (AWS facts A.21).
  const status = planned.code.startsWith('Insufficient') ? 500 : 400
  throw new AwsError(planned.code, `The instance '${id}' cannot be started: ${planned.code}.`, { status })
}

/** Whether a disk cannot be read any more for want of its key, which an event tells of each (AWS facts A.18, G). */
function keysRefused(account: Account, { attachments }: Instance, caller: Caller): boolean {
  let isRefused = false
  for (const { volume } of attachments.values()) {
    const problem = attachmentProblem(account, caller, [volume])
    if (problem === '') continue
    isRefused = true
    emitVolumeNotification(account, volume, 'reattachVolume', 'failed', problem)
  }
  return isRefused
}

function start(account: Account, instance: Instance, caller: Caller): void {
  if (instance.state !== 'stopped') return
  // The planned trouble is all that a `refuseStart` left here can be: the other kind has thrown.
  const fallsBack = account.troubles.refusedStarts.delete(instance.id)
  givePublicIp(account, instance)
  const keyFailure = keysRefused(account, instance, caller) ? failureOf('Client.InternalError') : undefined
  beginBoot(account, instance, { otherwise: 'stopped', fails: fallsBack ? INTERNAL_ERROR : keyFailure })
}

function startInstances(
  account: Account,
  { InstanceIds }: StartInstancesRequest,
  caller: Caller,
): StartInstancesResult {
  const instances = instancesNamed(account, InstanceIds)
  for (const instance of instances) checkMayStart(account, instance)
  return { StartingInstances: change(instances, (instance) => start(account, instance, caller)) }
}

function checkMayStop({ id, image, state, disableApiStop, spot }: Instance): void {
  if (spot)
    throw new AwsError(
      'UnsupportedOperation',
      `You can't stop the Spot Instance '${id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.`,
    )
  if (image.rootDeviceType === 'instance-store')
    throw new AwsError(
      'UnsupportedOperation',
      `The instance '${id}' does not have an 'ebs' root device type and cannot be stopped.`,
    )
  if (disableApiStop)
    throw new AwsError(
      'OperationNotPermitted',
      `The instance '${id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.`,
    )
  if (state !== 'running' && state !== 'stopping' && state !== 'stopped')
    throw new AwsError(
      'IncorrectInstanceState',
      `This instance '${id}' is not in a state from which it can be stopped.`,
    )
}

function stopInstances(account: Account, { InstanceIds, Hibernate }: StopInstancesRequest): StopInstancesResult {
  const instances = instancesNamed(account, InstanceIds)
  for (const instance of instances) checkMayStop(instance)
  if (Hibernate)
    throw new AwsError(
      'UnsupportedHibernationConfiguration',
      `The instance '${instances[0]?.id ?? ''}' is not enabled for hibernation.`,
    )
  const StoppingInstances = change(instances, (instance) => {
    if (instance.state === 'running') beginStop(account, instance, 'user')
  })
  return { StoppingInstances }
}

function checkMayTerminate({ id, disableApiTermination }: Instance): void {
  if (disableApiTermination)
    throw new AwsError(
      'OperationNotPermitted',
      `The instance '${id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    )
}

function terminateInstances(account: Account, { InstanceIds }: TerminateInstancesRequest): TerminateInstancesResult {
  const instances = instancesNamed(account, InstanceIds)
  for (const instance of instances) checkMayTerminate(instance)
  const TerminatingInstances = change(instances, (instance) => {
    const isEnding = instance.state === 'shutting-down' || instance.state === 'terminated'
    if (!isEnding) beginTermination(account, instance, 'user')
  })
  return { TerminatingInstances }
}

function rebootInstances(account: Account, { InstanceIds }: RebootInstancesRequest): object {
  const instances = instancesNamed(account, InstanceIds)
  for (const { id, state } of instances)
    if (state !== 'running') throw new AwsError('IncorrectState', `Instance '${id}' is not 'running'.`)
  for (const instance of instances) reboot(account, instance)
  return {}
}

/** The guest has shut itself down: it stops, or is terminated if that was asked for, or if it has no disk to come back from. */
export function endByGuest(account: Account, instance: Instance): void {
  if (instance.state !== 'running') return
  const isTerminated = instance.shutdownBehavior === 'terminate' || instance.image.rootDeviceType === 'instance-store'
  if (isTerminated) beginTermination(account, instance, 'guest')
  else beginStop(account, instance, 'guest')
}

export const instanceOperations = (account: Account): Operations => ({
  StartInstances: operation<StartInstancesRequest>(['InstanceIds'], (input, caller) =>
    startInstances(account, input, caller),
  ),
  StopInstances: operation<StopInstancesRequest>(['InstanceIds', 'Force', 'SkipOsShutdown', 'Hibernate'], (input) =>
    stopInstances(account, input),
  ),
  RebootInstances: operation<RebootInstancesRequest>(['InstanceIds'], (input) => rebootInstances(account, input)),
  TerminateInstances: operation<TerminateInstancesRequest>(['InstanceIds', 'Force', 'SkipOsShutdown'], (input) =>
    terminateInstances(account, input),
  ),
})
