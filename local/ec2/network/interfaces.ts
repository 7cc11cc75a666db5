/** The operations that change network interfaces and their private addresses (AWS facts A.17). */
import type {
  AssignPrivateIpAddressesRequest,
  AttachNetworkInterfaceRequest,
  CreateNetworkInterfaceRequest,
  DeleteNetworkInterfaceRequest,
  DetachNetworkInterfaceRequest,
  ModifyNetworkInterfaceAttributeRequest,
  PrivateIpAddressSpecification,
  UnassignPrivateIpAddressesRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { INSTANCE, INTERFACE, SECURITY_GROUP, SUBNET, find } from '../ids.ts'
import { instanceTypeOf } from '../instances/instance-types.ts'
import type { Account } from '../model.ts'
import type { Instance } from '../instances/model.ts'
import { ClientTokens, invalidValue, operation, required } from '../request.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { toInterfaceOutput } from './describe-interfaces.ts'
import {
  addressOf,
  attach,
  checkPlan,
  detach,
  interfacesOf,
  makeInterface,
  removeInterface,
} from './interface-states.ts'
import type { InterfacePlan } from './interface-states.ts'
import type { NetworkInterface, Subnet } from './model.ts'
import { checkAddress, checkFree, releaseAddress, takeAddress } from './private-addresses.ts'
import { defaultGroupOf } from './security-groups.ts'

/** What a request may say of the addresses of a new interface. */
export interface AddressRequest {
  readonly PrivateIpAddress?: string
  readonly PrivateIpAddresses?: readonly PrivateIpAddressSpecification[]
  readonly SecondaryPrivateIpAddressCount?: number
}

/** @throws AwsError InvalidParameterCombination */
export function plannedAddresses(
  request: AddressRequest,
): Pick<InterfacePlan, 'privateIp' | 'secondaryIps' | 'secondaryCount'> {
  const { PrivateIpAddress, PrivateIpAddresses = [], SecondaryPrivateIpAddressCount = 0 } = request
  const primaries = PrivateIpAddresses.filter(({ Primary }) => Primary).map((one) => one.PrivateIpAddress)
  if (primaries.length > 1 || (primaries.length === 1 && PrivateIpAddress !== undefined))
    throw new AwsError('InvalidParameterCombination', 'Only one primary private IP address can be specified.')
  const secondaryIps = PrivateIpAddresses.filter(({ Primary }) => !Primary).map((one) =>
    required(one.PrivateIpAddress, 'privateIpAddress'),
  )
  if (secondaryIps.length > 0 && SecondaryPrivateIpAddressCount > 0)
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameters secondaryPrivateIpAddressCount and privateIpAddresses cannot be used together.',
    )
  return { privateIp: PrivateIpAddress ?? primaries[0], secondaryIps, secondaryCount: SecondaryPrivateIpAddressCount }
}

/** The groups of an interface in this subnet: those that are named, or the default one. @throws AwsError InvalidGroup.NotFound, InvalidParameter */
export function groupIdsIn(account: Account, { vpcId }: Subnet, groupIds: readonly string[] | undefined): string[] {
  if (!groupIds?.length) return [defaultGroupOf(account, vpcId).id]
  return [...new Set(groupIds)].map((id) => {
    const group = find(SECURITY_GROUP, account.securityGroups, id)
    if (group.vpcId !== vpcId)
      throw new AwsError('InvalidParameter', `Security group ${id} and subnet belong to different networks.`)
    return id
  })
}

function createInterface(
  account: Account,
  tokens: ClientTokens<string>,
  request: CreateNetworkInterfaceRequest,
): object {
  const earlier = account.interfaces.get(tokens.earlier(request.ClientToken, request) ?? '')
  if (earlier) return { NetworkInterface: toInterfaceOutput(account, earlier), ClientToken: request.ClientToken }
  const subnet = find(SUBNET, account.subnets, required(request.SubnetId, 'subnetId'))
  const tags = tagsOnCreation(request.TagSpecifications, ['network-interface'])['network-interface']
  const plan: InterfacePlan = {
    subnet,
    groupIds: groupIdsIn(account, subnet, request.Groups),
    description: request.Description ?? '',
    ...plannedAddresses(request),
    wantsPublicIp: false,
    tags: mergeTags(new Map(), tags),
  }
  checkPlan(account, plan)
  const made = makeInterface(account, plan)
  tokens.remember(request.ClientToken, request, made.id)
  return { NetworkInterface: toInterfaceOutput(account, made), ClientToken: request.ClientToken }
}

function deleteInterface(account: Account, request: DeleteNetworkInterfaceRequest): object {
  const one = find(INTERFACE, account.interfaces, required(request.NetworkInterfaceId, 'networkInterfaceId'))
  if (one.attachment) throw new AwsError('InvalidParameterValue', `Network interface '${one.id}' is currently in use.`)
  removeInterface(account, one)
  return {}
}

/** @throws AwsError AttachmentLimitExceeded */
function checkSlots(instance: Instance): void {
  const { interfacesMax } = instanceTypeOf(instance.type)
  if (instance.interfaceIds.length >= interfacesMax)
    throw new AwsError(
      'AttachmentLimitExceeded',
      `Interface count ${instance.interfaceIds.length + 1} exceeds the limit for ${instance.type}`,
    )
}

function attachInterface(account: Account, request: AttachNetworkInterfaceRequest): object {
  const networkInterface = find(
    INTERFACE,
    account.interfaces,
    required(request.NetworkInterfaceId, 'networkInterfaceId'),
  )
  const instance = find(INSTANCE, account.instances, required(request.InstanceId, 'instanceId'))
  const deviceIndex = required(request.DeviceIndex, 'deviceIndex')
  if (networkInterface.attachment)
    throw new AwsError('InvalidNetworkInterface.InUse', `Interface: [${networkInterface.id}] in use.`)
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new AwsError('IncorrectState', `Instance '${instance.id}' is not 'running' or 'stopped'.`)
  if (networkInterface.zone.id !== instance.zone.id)
    throw new AwsError(
      'InvalidParameterCombination',
      'You may not attach a network interface to an instance if they are not in the same availability zone',
    )
  if (interfacesOf(account, instance).some(({ attachment }) => attachment?.deviceIndex === deviceIndex))
    throw invalidValue(`Instance '${instance.id}' already has an interface attached at device index '${deviceIndex}'.`)
  checkSlots(instance)
  const { id } = attach(account, { networkInterface, instance, deviceIndex }, false)
  return { AttachmentId: id, NetworkCardIndex: 0 }
}

function detachInterface(account: Account, request: DetachNetworkInterfaceRequest): object {
  const id = required(request.AttachmentId, 'attachmentId')
  const one = [...account.interfaces.values()].find(({ attachment }) => attachment?.id === id)
  if (!one?.attachment) throw new AwsError('InvalidAttachmentID.NotFound', `The attachment '${id}' does not exist.`)
  if (one.attachment.deviceIndex === 0)
    throw new AwsError('OperationNotPermitted', 'The network interface at device index 0 cannot be detached.')
  if (one.attachment.state !== 'attached' && !request.Force)
    throw new AwsError('IncorrectState', `The attachment '${id}' is in the '${one.attachment.state}' state.`)
  detach(account, one)
  return {}
}

function modifyInterface(account: Account, request: ModifyNetworkInterfaceAttributeRequest): object {
  const one = find(INTERFACE, account.interfaces, required(request.NetworkInterfaceId, 'networkInterfaceId'))
  const { Attachment, Description, SourceDestCheck } = request
  const groups = request.Groups?.length ? request.Groups : undefined
  const given = [Attachment, Description, SourceDestCheck, groups].filter((value) => value !== undefined)
  if (given.length !== 1)
    throw new AwsError(
      'InvalidParameterCombination',
      given.length === 0 ? 'No attributes specified.' : 'Fields for multiple attribute types specified',
    )
  if (Description) one.description = Description.Value ?? ''
  if (SourceDestCheck) one.sourceDestCheck = SourceDestCheck.Value ?? true
  if (groups) {
    const subnet = find(SUBNET, account.subnets, one.subnetId)
    one.groupIds.splice(0, one.groupIds.length, ...groupIdsIn(account, subnet, groups))
  }
  if (Attachment) {
    if (!one.attachment || one.attachment.id !== Attachment.AttachmentId)
      throw new AwsError(
        'InvalidAttachmentID.NotFound',
        `The attachment '${Attachment.AttachmentId ?? ''}' does not exist.`,
      )
    one.attachment.deleteOnTermination = required(Attachment.DeleteOnTermination, 'attachment.deleteOnTermination')
  }
  return {}
}

/** Takes a secondary address off the interface that has it. @throws AwsError InvalidIPAddress.InUse where that is not allowed */
function reassign(account: Account, subnet: Subnet, address: string, allowed: boolean): void {
  for (const holder of account.interfaces.values()) {
    const index = holder.vpcId === subnet.vpcId ? holder.privateIps.indexOf(address) : -1
    if (index < 0) continue
    // A primary address is its interface's for life.
    if (!allowed || index === 0) throw new AwsError('InvalidIPAddress.InUse', `Address ${address} is in use.`)
    unassign(account, holder, address)
  }
}

function unassign(account: Account, holder: NetworkInterface, privateIp: string): void {
  holder.privateIps.splice(holder.privateIps.indexOf(privateIp), 1)
  const address = addressOf(account, holder.id, privateIp)
  if (address) address.association = undefined
  releaseAddress(account, find(SUBNET, account.subnets, holder.subnetId), privateIp)
}

function assignAddresses(account: Account, request: AssignPrivateIpAddressesRequest): object {
  const one = find(INTERFACE, account.interfaces, required(request.NetworkInterfaceId, 'networkInterfaceId'))
  const subnet = find(SUBNET, account.subnets, one.subnetId)
  const { PrivateIpAddresses = [], SecondaryPrivateIpAddressCount: count = 0, AllowReassignment = false } = request
  if (PrivateIpAddresses.length > 0 === count > 0)
    throw new AwsError(
      'InvalidParameterCombination',
      'Specify either secondaryPrivateIpAddressCount or privateIpAddresses.',
    )
  const instance = account.instances.get(one.attachment?.instanceId ?? '')
  const addressesMax = instance && instanceTypeOf(instance.type).addressesPerInterface
  if (addressesMax !== undefined && one.privateIps.length + PrivateIpAddresses.length + count > addressesMax)
    throw new AwsError(
      'PrivateIpAddressLimitExceeded',
      `Number of private addresses will exceed limit. Interface: ${one.id}, limit: ${addressesMax}.`,
    )
  checkFree(subnet, count)
  const wanted = PrivateIpAddresses.filter((address) => !one.privateIps.includes(address))
  for (const address of wanted) reassign(account, subnet, address, AllowReassignment)
  for (const address of wanted) checkAddress(account, subnet, address)
  const taken = [...wanted, ...Array.from({ length: count }, () => undefined)].map((address) =>
    takeAddress(account, subnet, address),
  )
  one.privateIps.push(...taken)
  return {
    NetworkInterfaceId: one.id,
    AssignedPrivateIpAddresses: taken.map((PrivateIpAddress) => ({ PrivateIpAddress })),
    AssignedIpv4Prefixes: [],
  }
}

function unassignAddresses(account: Account, request: UnassignPrivateIpAddressesRequest): object {
  const one = find(INTERFACE, account.interfaces, required(request.NetworkInterfaceId, 'networkInterfaceId'))
  const gone = required(request.PrivateIpAddresses?.length ? request.PrivateIpAddresses : undefined, 'privateIpAddress')
  for (const address of gone)
    if (one.privateIps.indexOf(address) < 1)
      throw invalidValue(`Some of the specified addresses are not assigned to interface ${one.id}`)
  for (const address of gone) unassign(account, one, address)
  return {}
}

export function interfaceOperations(account: Account): Operations {
  const tokens = new ClientTokens<string>(account.state.interfaceTokens)
  return {
    CreateNetworkInterface: operation<CreateNetworkInterfaceRequest>(
      [
        'SubnetId',
        'Description',
        'Groups',
        'PrivateIpAddress',
        'PrivateIpAddresses',
        'SecondaryPrivateIpAddressCount',
        'TagSpecifications',
        'ClientToken',
      ],
      (input) => createInterface(account, tokens, input),
    ),
    DeleteNetworkInterface: operation<DeleteNetworkInterfaceRequest>(['NetworkInterfaceId'], (input) =>
      deleteInterface(account, input),
    ),
    AttachNetworkInterface: operation<AttachNetworkInterfaceRequest>(
      ['NetworkInterfaceId', 'InstanceId', 'DeviceIndex'],
      (input) => attachInterface(account, input),
    ),
    DetachNetworkInterface: operation<DetachNetworkInterfaceRequest>(['AttachmentId', 'Force'], (input) =>
      detachInterface(account, input),
    ),
    ModifyNetworkInterfaceAttribute: operation<ModifyNetworkInterfaceAttributeRequest>(
      ['NetworkInterfaceId', 'Attachment', 'Description', 'Groups', 'SourceDestCheck'],
      (input) => modifyInterface(account, input),
    ),
    AssignPrivateIpAddresses: operation<AssignPrivateIpAddressesRequest>(
      ['NetworkInterfaceId', 'PrivateIpAddresses', 'SecondaryPrivateIpAddressCount', 'AllowReassignment'],
      (input) => assignAddresses(account, input),
    ),
    UnassignPrivateIpAddresses: operation<UnassignPrivateIpAddressesRequest>(
      ['NetworkInterfaceId', 'PrivateIpAddresses'],
      (input) => unassignAddresses(account, input),
    ),
  }
}
