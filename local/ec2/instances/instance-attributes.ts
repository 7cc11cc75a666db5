/** DescribeInstanceAttribute and ModifyInstanceAttribute (AWS facts A.14, A.17). */
import type {
  DescribeInstanceAttributeRequest,
  InstanceAttribute,
  InstanceAttributeName,
  InstanceBlockDeviceMappingSpecification,
  ModifyInstanceAttributeRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { toInstanceOutput } from './describe-instances.ts'
import { INSTANCE, SUBNET, find } from '../ids.ts'
import { checkFits } from '../images/fit.ts'
import { instanceTypeOf, volumesMax } from './instance-types.ts'
import { checkUserData } from './launch.ts'
import type { Account } from '../model.ts'
import type { Attachment } from '../volumes/model.ts'
import type { Instance } from './model.ts'
import { groupsOf } from '../network/describe-interfaces.ts'
import { interfacesOf, primaryInterfaceOf } from '../network/interface-states.ts'
import { groupIdsIn } from '../network/interfaces.ts'
import type { NetworkInterface } from '../network/model.ts'
import { invalidValue, operation, required, supportOnly } from '../request.ts'

type AttributeReader = (instance: Instance, account: Account) => InstanceAttribute

const READERS: Readonly<Record<InstanceAttributeName, AttributeReader>> = {
  blockDeviceMapping: (instance, account) => ({
    BlockDeviceMappings: toInstanceOutput(account, instance).BlockDeviceMappings,
  }),
  disableApiStop: ({ disableApiStop }) => ({ DisableApiStop: { Value: disableApiStop } }),
  disableApiTermination: ({ disableApiTermination }) => ({ DisableApiTermination: { Value: disableApiTermination } }),
  ebsOptimized: ({ ebsOptimized }) => ({ EbsOptimized: { Value: ebsOptimized } }),
  enaSupport: ({ enaSupport }) => ({ EnaSupport: { Value: enaSupport } }),
  enclaveOptions: () => ({ EnclaveOptions: { Enabled: false } }),
  groupSet(instance, account) {
    const primary = primaryInterfaceOf(account, instance)
    return { Groups: primary ? groupsOf(account, primary) : [] }
  },
  instanceInitiatedShutdownBehavior: ({ shutdownBehavior }) => ({
    InstanceInitiatedShutdownBehavior: { Value: shutdownBehavior },
  }),
  instanceType: ({ type }) => ({ InstanceType: { Value: type } }),
  kernel: () => ({ KernelId: {} }),
  productCodes: () => ({ ProductCodes: [] }),
  ramdisk: () => ({ RamdiskId: {} }),
  rootDeviceName: ({ image }) => ({ RootDeviceName: { Value: image.rootDeviceName } }),
  sourceDestCheck: (instance, account) => ({
    SourceDestCheck: { Value: primaryInterfaceOf(account, instance)?.sourceDestCheck },
  }),
  sriovNetSupport: ({ image }) => ({
    SriovNetSupport: image.sriovNetSupport === undefined ? {} : { Value: image.sriovNetSupport },
  }),
  userData: ({ userData }) => ({ UserData: userData === undefined ? {} : { Value: userData } }),
}

function describeAttribute(account: Account, request: DescribeInstanceAttributeRequest): InstanceAttribute {
  const attribute = required(request.Attribute, 'Attribute')
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'InstanceId'))
  return { InstanceId: instance.id, ...READERS[attribute](instance, account) }
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

function checkStopped({ id, state }: Instance): void {
  if (state !== 'stopped')
    throw new AwsError('IncorrectInstanceState', `The instance '${id}' is not in the 'stopped' state.`)
}

function modifyUserData(instance: Instance, text: string): void {
  checkStopped(instance)
  checkUserData(text)
  instance.userData = text === '' ? undefined : text
}

/** @throws AwsError what keeps the instance from running on that type */
function modifyType(instance: Instance, name: string): void {
  checkStopped(instance)
  const type = instanceTypeOf(name)
  checkFits({ ...instance.image, enaSupport: instance.enaSupport }, type)
  const { attachments, interfaceIds } = instance
  if (interfaceIds.length > type.interfacesMax || attachments.size > volumesMax(name, interfaceIds.length))
    throw new AwsError(
      'AttachmentLimitExceeded',
      `The instance '${instance.id}' has more attachments than ${name} takes.`,
    )
  instance.type = name
}

/** An instance with several interfaces is changed by its interfaces. */
function onlyInterface(account: Account, instance: Instance): NetworkInterface {
  const [only, ...others] = interfacesOf(account, instance)
  if (only && others.length === 0) return only
  throw new AwsError(
    'InvalidInstanceID',
    `There are multiple interfaces attached to instance '${instance.id}'. Please specify an interface ID for the operation instead.`,
  )
}

type Change = (instance: Instance, account: Account) => void

/** What a request changes, by attribute; those that need a stopped instance say so (AWS facts A.17). */
function* changesOf(request: ModifyInstanceAttributeRequest): Generator<Change> {
  const { BlockDeviceMappings, DisableApiStop, DisableApiTermination, EbsOptimized, EnaSupport, Groups } = request
  const { InstanceInitiatedShutdownBehavior, InstanceType, SourceDestCheck, UserData } = request
  if (BlockDeviceMappings?.length) yield (instance) => modifyMappings(instance, BlockDeviceMappings)
  if (DisableApiStop) yield (instance) => void (instance.disableApiStop = DisableApiStop.Value ?? false)
  if (DisableApiTermination)
    yield (instance) => void (instance.disableApiTermination = DisableApiTermination.Value ?? false)
  if (EbsOptimized)
    yield (instance) => {
      checkStopped(instance)
      instance.ebsOptimized = EbsOptimized.Value ?? false
    }
  if (EnaSupport)
    yield (instance) => {
      checkStopped(instance)
      instance.enaSupport = EnaSupport.Value ?? false
    }
  if (Groups?.length)
    yield (instance, account) => {
      const one = onlyInterface(account, instance)
      const subnet = find(SUBNET, account.subnets, one.subnetId)
      one.groupIds.splice(0, one.groupIds.length, ...groupIdsIn(account, subnet, Groups))
    }
  if (InstanceInitiatedShutdownBehavior)
    yield (instance) => modifyShutdown(instance, InstanceInitiatedShutdownBehavior.Value ?? '')
  if (InstanceType) yield (instance) => modifyType(instance, required(InstanceType.Value, 'instanceType'))
  if (SourceDestCheck)
    yield (instance, account) => {
      onlyInterface(account, instance).sourceDestCheck = SourceDestCheck.Value ?? true
    }
  // A blob here, text in RunInstances: on the wire, and as DescribeInstanceAttribute shows it, both are base64.
  if (UserData) yield (instance) => modifyUserData(instance, Buffer.from(UserData.Value ?? []).toString('base64'))
}

function modifyShutdown(instance: Instance, behavior: string): void {
  if (behavior !== 'stop' && behavior !== 'terminate')
    throw invalidValue(`Invalid value '${behavior}' for instanceInitiatedShutdownBehavior.`)
  instance.shutdownBehavior = behavior
}

/** The attributes that may also be given as a name and a text. */
const BY_NAME: Readonly<Record<string, (value: string) => Change>> = {
  disableApiStop: (value) => (instance) => void (instance.disableApiStop = value === 'true'),
  disableApiTermination: (value) => (instance) => void (instance.disableApiTermination = value === 'true'),
  instanceInitiatedShutdownBehavior: (value) => (instance) => modifyShutdown(instance, value),
  instanceType: (value) => (instance) => modifyType(instance, value),
  userData: (value) => (instance) => modifyUserData(instance, value),
}

function modifyAttribute(account: Account, request: ModifyInstanceAttributeRequest): object {
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'InstanceId'))
  const changes = [...changesOf(request)]
  const { Attribute, Value } = request
  if (Attribute !== undefined && Value !== undefined) {
    const change = Object.hasOwn(BY_NAME, Attribute) ? BY_NAME[Attribute] : undefined
    if (!change)
      throw new AwsError('UnsupportedOperation', `The attribute ${Attribute} is not supported by this account.`)
    changes.push(change(Value))
  }
  const [change, ...others] = changes
  if (!change) throw new AwsError('InvalidParameterCombination', 'No attributes specified.')
  if (others.length > 0)
    throw new AwsError('InvalidParameterCombination', 'Fields for multiple attribute types specified')
  change(instance, account)
  return {}
}

export const attributeOperations = (account: Account): Operations => ({
  DescribeInstanceAttribute: operation<DescribeInstanceAttributeRequest>(['InstanceId', 'Attribute'], (input) =>
    describeAttribute(account, input),
  ),
  ModifyInstanceAttribute: operation<ModifyInstanceAttributeRequest>(
    [
      'InstanceId',
      'Attribute',
      'BlockDeviceMappings',
      'DisableApiStop',
      'DisableApiTermination',
      'EbsOptimized',
      'EnaSupport',
      'Groups',
      'InstanceInitiatedShutdownBehavior',
      'InstanceType',
      'SourceDestCheck',
      'UserData',
      'Value',
    ],
    (input) => modifyAttribute(account, input),
  ),
})
