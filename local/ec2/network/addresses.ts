/** Elastic IPs (AWS facts A.17). */
import type {
  AllocateAddressRequest,
  AssociateAddressRequest,
  DescribeAddressesRequest,
  DisassociateAddressRequest,
  Address as AddressOutput,
  ReleaseAddressRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import { ADDRESS, INSTANCE, INTERFACE, find } from '../ids.ts'
import type { Account } from '../model.ts'
import { invalidValue, operation, required } from '../request.ts'
import { mergeTags, tagsOnCreation, toTagList } from '../tags.ts'
import { newResource } from './default-vpc.ts'
import { addressOf, interfacesOf, nextPublicIp } from './interface-states.ts'
import type { Address, NetworkInterface } from './model.ts'

function allocate(account: Account, request: AllocateAddressRequest): object {
  if (request.Domain !== undefined && request.Domain !== 'vpc')
    throw invalidValue(`Invalid value '${request.Domain}' for domain. EC2-Classic has been retired.`)
  if (account.addresses.size >= account.quotas.elasticAddresses)
    throw new AwsError('AddressLimitExceeded', 'The maximum number of addresses has been reached.')
  const address: Address = {
    ...newResource(account, 'eipalloc'),
    tags: mergeTags(new Map(), tagsOnCreation(request.TagSpecifications, ['elastic-ip'])['elastic-ip']),
    publicIp: nextPublicIp(account),
  }
  account.addresses.set(address.id, address)
  return {
    PublicIp: address.publicIp,
    AllocationId: address.id,
    PublicIpv4Pool: 'amazon',
    NetworkBorderGroup: account.region,
    Domain: 'vpc',
  }
}

function withPublicIp({ addresses }: Account, publicIp: string): Address {
  for (const address of addresses.values()) if (address.publicIp === publicIp) return address
  throw new AwsError('InvalidAddress.NotFound', `Address '${publicIp}' not found.`)
}

function release(account: Account, { AllocationId, PublicIp }: ReleaseAddressRequest): object {
  // In a VPC an address is released by its allocation id alone.
  if (PublicIp !== undefined)
    throw new AwsError(
      'InvalidParameterValue',
      `You must specify an allocation id when releasing a VPC elastic IP address.`,
    )
  const address = find(ADDRESS, account.addresses, required(AllocationId, 'allocationId'))
  if (address.association) throw new AwsError('InvalidIPAddress.InUse', `Address ${address.publicIp} is in use.`)
  account.addresses.delete(address.id)
  return {}
}

/** The interface that a request means. An instance with several must be named by one of them. */
function interfaceMeant(account: Account, request: AssociateAddressRequest): NetworkInterface {
  const { InstanceId, NetworkInterfaceId } = request
  if (NetworkInterfaceId !== undefined) return find(INTERFACE, account.interfaces, NetworkInterfaceId)
  const instance = find(INSTANCE, account.instances, required(InstanceId, 'instanceId'))
  if (instance.state !== 'running' && instance.state !== 'stopped')
    throw new AwsError(
      'IncorrectInstanceState',
      `The pending-instance-creation instance to which '${instance.id}' refers is not in a valid state for this operation`,
    )
  const [only, ...others] = interfacesOf(account, instance)
  if (!only || others.length > 0)
    throw new AwsError(
      'InvalidInstanceID',
      `There are multiple interfaces attached to instance '${instance.id}'. Please specify an interface ID for the operation instead.`,
    )
  return only
}

function associate(account: Account, request: AssociateAddressRequest): object {
  if ((request.AllocationId === undefined) === (request.PublicIp === undefined))
    throw new AwsError('InvalidParameterCombination', 'You must specify either an allocation ID or a public IP.')
  const address =
    request.AllocationId === undefined
      ? withPublicIp(account, request.PublicIp ?? '')
      : find(ADDRESS, account.addresses, request.AllocationId)
  const target = interfaceMeant(account, request)
  const privateIp = request.PrivateIpAddress ?? target.privateIps[0] ?? ''
  if (!target.privateIps.includes(privateIp))
    throw invalidValue(`Invalid value '${privateIp}' for PrivateIpAddress. Address is not assigned to interface`)
  const { association } = address
  if (association?.interfaceId === target.id && association.privateIp === privateIp)
    return { AssociationId: association.id }
  const present = addressOf(account, target.id, privateIp)
  // Silently from the old holder, unless the request forbids it.
  if (request.AllowReassociation === false && (association || present))
    throw new AwsError(
      'Resource.AlreadyAssociated',
      `resource ${association ? address.id : target.id} is already associated with associate-id ${(association ?? present?.association)?.id ?? ''}`,
    )
  if (present) present.association = undefined
  const id = account.ids.next('eipassoc')
  address.association = { id, interfaceId: target.id, privateIp }
  // What the start gave is released, and does not come back before the next start.
  if (privateIp === target.privateIps[0]) target.publicIp = undefined
  return { AssociationId: id }
}

function disassociate(account: Account, { AssociationId, PublicIp }: DisassociateAddressRequest): object {
  const byPublicIp = PublicIp === undefined ? undefined : withPublicIp(account, PublicIp)
  const id = byPublicIp ? byPublicIp.association?.id : required(AssociationId, 'associationId')
  const address = [...account.addresses.values()].find(({ association }) => id !== undefined && association?.id === id)
  if (!address) throw new AwsError('InvalidAssociationID.NotFound', `The association ID '${id ?? ''}' does not exist`)
  address.association = undefined
  return {}
}

function toOutput(account: Account, { id, publicIp, association, tags }: Address): AddressOutput {
  const attachment = account.interfaces.get(association?.interfaceId ?? '')?.attachment
  return {
    AllocationId: id,
    PublicIp: publicIp,
    Domain: 'vpc',
    PublicIpv4Pool: 'amazon',
    NetworkBorderGroup: account.region,
    Tags: toTagList(tags),
    AssociationId: association?.id,
    NetworkInterfaceId: association?.interfaceId,
    NetworkInterfaceOwnerId: association && account.accountId,
    PrivateIpAddress: association?.privateIp,
    InstanceId: attachment?.instanceId,
  }
}

function describeAddresses(account: Account, request: DescribeAddressesRequest): object {
  const show = (address: Address): AddressOutput => toOutput(account, address)
  const filters = shownBy(show, {
    'allocation-id': 'AllocationId',
    'association-id': 'AssociationId',
    domain: 'Domain',
    'instance-id': 'InstanceId',
    'network-border-group': 'NetworkBorderGroup',
    'network-interface-id': 'NetworkInterfaceId',
    'network-interface-owner-id': 'NetworkInterfaceOwnerId',
    'private-ip-address': 'PrivateIpAddress',
    'public-ip': 'PublicIp',
  })
  const description = { kind: ADDRESS, among: account.addresses, filters, idsParameter: 'allocationIdsSet' }
  const byPublicIp = (request.PublicIps ?? []).map((publicIp) => withPublicIp(account, publicIp).id)
  const ids = [...(request.AllocationIds ?? []), ...byPublicIp]
  const { items } = describe(account, description, { Filters: request.Filters }, ids)
  return { Addresses: items.map(show) }
}

export const addressOperations = (account: Account): Operations => ({
  AllocateAddress: operation<AllocateAddressRequest>(['Domain', 'TagSpecifications'], (input) =>
    allocate(account, input),
  ),
  ReleaseAddress: operation<ReleaseAddressRequest>(['AllocationId', 'PublicIp'], (input) => release(account, input)),
  AssociateAddress: operation<AssociateAddressRequest>(
    ['AllocationId', 'PublicIp', 'InstanceId', 'NetworkInterfaceId', 'PrivateIpAddress', 'AllowReassociation'],
    (input) => associate(account, input),
  ),
  DisassociateAddress: operation<DisassociateAddressRequest>(['AssociationId', 'PublicIp'], (input) =>
    disassociate(account, input),
  ),
  DescribeAddresses: operation<DescribeAddressesRequest>(['AllocationIds', 'PublicIps', 'Filters'], (input) =>
    describeAddresses(account, input),
  ),
})
