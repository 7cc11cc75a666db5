/** DescribeInstanceAttribute and ModifyInstanceAttribute (AWS facts A.14, A.17). */
import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  InstanceAttributeName,
  InstanceBlockDeviceMappingSpecification,
  ModifyInstanceAttributeRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { toInstanceOutput } from './describe-instances.ts'
import { INSTANCE, find } from './ids.ts'
import { checkUserData } from './launch.ts'
import type { Account, Attachment, Instance } from './model.ts'
import { invalidValue, operation, required, supportOnly } from './request.ts'

type AttributeReader = (instance: Instance, account: Account) => InstanceAttribute

/** The attributes that can be asked for; any other is refused. */
const READERS: Partial<Record<InstanceAttributeName, AttributeReader>> = {
  userData: ({ userData }) => ({ UserData: userData === undefined ? {} : { Value: userData } }),
  disableApiStop: ({ disableApiStop }) => ({ DisableApiStop: { Value: disableApiStop } }),
  disableApiTermination: ({ disableApiTermination }) => ({ DisableApiTermination: { Value: disableApiTermination } }),
  instanceInitiatedShutdownBehavior: ({ shutdownBehavior }) => ({
    InstanceInitiatedShutdownBehavior: { Value: shutdownBehavior },
  }),
  instanceType: ({ type }) => ({ InstanceType: { Value: type } }),
  rootDeviceName: ({ image }) => ({ RootDeviceName: { Value: image.rootDeviceName } }),
  blockDeviceMapping: (instance, account) => ({
    BlockDeviceMappings: toInstanceOutput(account, instance).BlockDeviceMappings,
  }),
}

function describeAttribute(account: Account, request: DescribeInstanceAttributeRequest): InstanceAttribute {
  const attribute = required(request.Attribute, 'Attribute')
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'InstanceId'))
  const read = Object.hasOwn(READERS, attribute) ? READERS[attribute] : undefined
  if (!read) throw new AwsError('UnsupportedOperation', `The attribute ${attribute} is not supported by this account.`)
  return { InstanceId: instance.id, ...read(instance, account) }
}

/** @throws AwsError InvalidInstanceAttributeValue */
function attachmentAt(instance: Instance, mapping: InstanceBlockDeviceMappingSpecification): Attachment {
  supportOnly(mapping, ['DeviceName', 'Ebs'], 'BlockDeviceMapping.')
  supportOnly(mapping.Ebs ?? {}, ['DeleteOnTermination', 'VolumeId'], 'BlockDeviceMapping.Ebs.')
  const device = required(mapping.DeviceName, 'BlockDeviceMapping.DeviceName')
  const attachment = instance.attachments.get(device)
  const volumeId = mapping.Ebs?.VolumeId
  if (!attachment || (volumeId !== undefined && attachment.volume.id !== volumeId))
    throw new AwsError('InvalidInstanceAttributeValue', `No device is currently mapped at ${device}`)
  return attachment
}

function modifyMappings(instance: Instance, mappings: readonly InstanceBlockDeviceMappingSpecification[]): void {
  const attachments = mappings.map((mapping) => attachmentAt(instance, mapping))
  for (const [index, attachment] of attachments.entries())
    // A value that is left out means true (AWS facts A.14).
    attachment.deleteOnTermination = mappings[index]?.Ebs?.DeleteOnTermination ?? true
}

function modifyUserData(instance: Instance, { Value }: { Value?: Uint8Array }): void {
  if (instance.state !== 'stopped')
    throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is not in the 'stopped' state.`)
  // A blob here, text in RunInstances: on the wire, and as DescribeInstanceAttribute shows it, both are base64.
  const text = Buffer.from(Value ?? []).toString('base64')
  checkUserData(text)
  instance.userData = text === '' ? undefined : text
}

function modifyAttribute(account: Account, request: ModifyInstanceAttributeRequest): object {
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'InstanceId'))
  const { BlockDeviceMappings, DisableApiStop, DisableApiTermination, InstanceInitiatedShutdownBehavior, UserData } =
    request
  const mappings = BlockDeviceMappings?.length ? BlockDeviceMappings : undefined
  const given = [mappings, DisableApiStop, DisableApiTermination, InstanceInitiatedShutdownBehavior, UserData]
  const givenCount = given.filter((value) => value !== undefined).length
  if (givenCount === 0) throw new AwsError('InvalidParameterCombination', 'No attributes specified.')
  if (givenCount > 1) throw new AwsError('InvalidParameterCombination', 'Fields for multiple attribute types specified')
  if (mappings) modifyMappings(instance, mappings)
  if (DisableApiStop) instance.disableApiStop = DisableApiStop.Value ?? false
  if (DisableApiTermination) instance.disableApiTermination = DisableApiTermination.Value ?? false
  if (UserData) modifyUserData(instance, UserData)
  if (InstanceInitiatedShutdownBehavior) {
    const behavior = InstanceInitiatedShutdownBehavior.Value
    if (behavior !== 'stop' && behavior !== 'terminate')
      throw invalidValue(`Invalid value '${behavior ?? ''}' for instanceInitiatedShutdownBehavior.`)
    instance.shutdownBehavior = behavior
  }
  return {}
}

export const attributeOperations = (account: Account): Operations => ({
  DescribeInstanceAttribute: operation<DescribeInstanceAttributeRequest>(['InstanceId', 'Attribute'], (input) =>
    describeAttribute(account, input),
  ),
  ModifyInstanceAttribute: operation<ModifyInstanceAttributeRequest>(
    [
      'InstanceId',
      'BlockDeviceMappings',
      'DisableApiStop',
      'DisableApiTermination',
      'InstanceInitiatedShutdownBehavior',
      'UserData',
    ],
    (input) => modifyAttribute(account, input),
  ),
})
