/** DescribeNetworkInterfaces and DescribeNetworkInterfaceAttribute, and the shapes of an interface in answers. */
import type {
  DescribeNetworkInterfaceAttributeRequest,
  DescribeNetworkInterfaceAttributeResult,
  DescribeNetworkInterfacesRequest,
  GroupIdentifier,
  InstanceNetworkInterface,
  NetworkInterfaceAssociation,
  NetworkInterface as NetworkInterfaceOutput,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { INTERFACE, find } from '../ids.ts'
import type { Account } from '../model.ts'
import { operation, required } from '../request.ts'
import { toTagSet } from '../tags.ts'
import { addressOf, publicIpOf } from './interface-states.ts'
import type { NetworkInterface } from './model.ts'
import { privateDnsName, publicDnsName } from './names.ts'

function statusOf({ attachment }: NetworkInterface): 'available' | 'attaching' | 'in-use' | 'detaching' {
  if (!attachment) return 'available'
  return attachment.state === 'detaching' ? 'detaching' : 'in-use'
}

export const groupsOf = ({ securityGroups }: Account, { groupIds }: NetworkInterface): GroupIdentifier[] =>
  groupIds.map((id) => ({ GroupId: id, GroupName: securityGroups.get(id)?.name }))

function associationOf(
  account: Account,
  networkInterface: NetworkInterface,
  privateIp: string,
): NetworkInterfaceAssociation | undefined {
  const publicIp = publicIpOf(account, networkInterface, privateIp)
  if (publicIp === undefined) return undefined
  const address = addressOf(account, networkInterface.id, privateIp)
  return {
    PublicIp: publicIp,
    PublicDnsName: publicDnsName(account, publicIp),
    // What a start gave belongs to Amazon.
    IpOwnerId: address ? account.accountId : 'amazon',
    AllocationId: address?.id,
    AssociationId: address?.association?.id,
  }
}

const addressesOf = (account: Account, networkInterface: NetworkInterface) =>
  networkInterface.privateIps.map((privateIp, index) => ({
    PrivateIpAddress: privateIp,
    PrivateDnsName: privateDnsName(account, privateIp),
    Primary: index === 0,
    Association: associationOf(account, networkInterface, privateIp),
  }))

/** What both shapes of an interface show. */
function shared(account: Account, one: NetworkInterface) {
  const [primaryIp = ''] = one.privateIps
  return {
    NetworkInterfaceId: one.id,
    Description: one.description,
    OwnerId: account.accountId,
    SubnetId: one.subnetId,
    VpcId: one.vpcId,
    MacAddress: one.mac,
    PrivateIpAddress: primaryIp,
    PrivateDnsName: privateDnsName(account, primaryIp),
    PrivateIpAddresses: addressesOf(account, one),
    Ipv6Addresses: [],
    SourceDestCheck: one.sourceDestCheck,
    Groups: groupsOf(account, one),
    Status: statusOf(one),
    Association: associationOf(account, one, primaryIp),
    Operator: { Managed: false },
  }
}

const attachmentOf = ({ attachment }: NetworkInterface) =>
  attachment && {
    AttachmentId: attachment.id,
    AttachTime: new Date(attachment.attachedMs),
    DeleteOnTermination: attachment.deleteOnTermination,
    DeviceIndex: attachment.deviceIndex,
    NetworkCardIndex: 0,
    Status: attachment.state,
  }

/** As DescribeInstances shows it. */
export const toInstanceInterface = (account: Account, one: NetworkInterface): InstanceNetworkInterface => ({
  ...shared(account, one),
  InterfaceType: 'interface',
  Attachment: attachmentOf(one),
})

/** As the operations of interfaces show it. */
export function toInterfaceOutput(account: Account, one: NetworkInterface): NetworkInterfaceOutput {
  const attachment = attachmentOf(one)
  return {
    ...shared(account, one),
    InterfaceType: 'interface',
    AvailabilityZone: one.zone.name,
    AvailabilityZoneId: one.zone.id,
    RequesterManaged: false,
    TagSet: toTagSet(one.tags),
    Attachment: attachment && {
      ...attachment,
      InstanceId: one.attachment?.instanceId,
      InstanceOwnerId: account.accountId,
    },
  }
}

const filtersOf = (account: Account): FilterValues<NetworkInterface> => ({
  ...shownBy((one: NetworkInterface) => toInterfaceOutput(account, one), {
    'association.allocation-id': 'Association.AllocationId',
    'association.association-id': 'Association.AssociationId',
    'association.ip-owner-id': 'Association.IpOwnerId',
    'association.public-ip': 'Association.PublicIp',
    'association.public-dns-name': 'Association.PublicDnsName',
    'addresses.association.owner-id': 'PrivateIpAddresses.Association.IpOwnerId',
    'addresses.association.public-ip': 'PrivateIpAddresses.Association.PublicIp',
    'addresses.primary': 'PrivateIpAddresses.Primary',
    'addresses.private-ip-address': 'PrivateIpAddresses.PrivateIpAddress',
    'attachment.attach-time': 'Attachment.AttachTime',
    'attachment.attachment-id': 'Attachment.AttachmentId',
    'attachment.delete-on-termination': 'Attachment.DeleteOnTermination',
    'attachment.device-index': 'Attachment.DeviceIndex',
    'attachment.instance-owner-id': 'Attachment.InstanceOwnerId',
    'attachment.status': 'Attachment.Status',
    'ipv6-addresses.ipv6-address': '',
    'interface-type': 'InterfaceType',
    'operator.managed': 'Operator.Managed',
    'operator.principal': '',
    'owner-id': 'OwnerId',
    'private-dns-name': 'PrivateDnsName',
    'requester-id': '',
    'requester-managed': 'RequesterManaged',
    status: 'Status',
  }),
  'attachment.instance-id': ({ attachment }) => attachment?.instanceId,
  'availability-zone': ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  description: ({ description }) => description,
  'group-id': ({ groupIds }) => groupIds,
  'mac-address': ({ mac }) => mac,
  'network-interface-id': ({ id }) => id,
  'private-ip-address': ({ privateIps }) => privateIps[0],
  'source-dest-check': ({ sourceDestCheck }) => sourceDestCheck,
  'subnet-id': ({ subnetId }) => subnetId,
  'vpc-id': ({ vpcId }) => vpcId,
})

function describeInterfaces(account: Account, request: DescribeNetworkInterfacesRequest): object {
  const { interfaces, instances } = account
  const description = {
    kind: INTERFACE,
    among: interfaces,
    filters: filtersOf(account),
    idsParameter: 'networkInterfaceIdSet',
    indexes: {
      'attachment.instance-id': (id: string) =>
        (instances.get(id)?.interfaceIds ?? []).flatMap((interfaceId) => interfaces.get(interfaceId) ?? []),
      'network-interface-id': (id: string) => [interfaces.get(id)].filter((one) => one !== undefined),
    },
  }
  const { items, nextToken } = describe(account, description, request, request.NetworkInterfaceIds)
  return { NetworkInterfaces: items.map((one) => toInterfaceOutput(account, one)), NextToken: nextToken }
}

function describeAttribute(
  account: Account,
  request: DescribeNetworkInterfaceAttributeRequest,
): DescribeNetworkInterfaceAttributeResult {
  const one = find(INTERFACE, account.interfaces, required(request.NetworkInterfaceId, 'networkInterfaceId'))
  const answer = { NetworkInterfaceId: one.id }
  switch (required(request.Attribute, 'attribute')) {
    case 'description':
      return { ...answer, Description: { Value: one.description } }
    case 'groupSet':
      return { ...answer, Groups: groupsOf(account, one) }
    case 'sourceDestCheck':
      return { ...answer, SourceDestCheck: { Value: one.sourceDestCheck } }
    case 'attachment':
      return { ...answer, Attachment: toInterfaceOutput(account, one).Attachment }
    case 'associatePublicIpAddress':
    default:
      throw new AwsError('UnsupportedOperation', `The attribute ${request.Attribute} is not supported by this account.`)
  }
}

export const interfaceDescriptions = (account: Account): Operations => ({
  DescribeNetworkInterfaces: operation<DescribeNetworkInterfacesRequest>(
    ['NetworkInterfaceIds', 'Filters', 'MaxResults', 'NextToken', 'IncludeManagedResources'],
    (input) => describeInterfaces(account, input),
  ),
  DescribeNetworkInterfaceAttribute: operation<DescribeNetworkInterfaceAttributeRequest>(
    ['NetworkInterfaceId', 'Attribute'],
    (input) => describeAttribute(account, input),
  ),
})
