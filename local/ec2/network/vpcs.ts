/** VPCs and subnets: the default ones, and those of a network of one's own. */
import type {
  CreateSubnetRequest,
  CreateVpcRequest,
  DeleteSubnetRequest,
  DeleteVpcRequest,
  DescribeSubnetsRequest,
  DescribeVpcsRequest,
  ModifySubnetAttributeRequest,
  ModifyVpcAttributeRequest,
  Subnet as SubnetOutput,
  Vpc as VpcOutput,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import { SUBNET, VPC, find } from '../ids.ts'
import type { Account } from '../model.ts'
import { invalidValue, operation, required } from '../request.ts'
import { mergeTags, tagsOnCreation, toTagList } from '../tags.ts'
import { blockOf, contains, overlap, requiredBlock } from './cidr.ts'
import { newResource } from './default-vpc.ts'
import type { Subnet, Vpc } from './model.ts'
import { freeCount } from './private-addresses.ts'
import { addDefaultGroup } from './security-groups.ts'
import type { Zone } from './zones.ts'

const PREFIX_MIN = 16
const PREFIX_MAX = 28

export const toVpcOutput = ({ accountId }: Account, vpc: Vpc): VpcOutput => ({
  VpcId: vpc.id,
  State: 'available',
  CidrBlock: vpc.cidr,
  CidrBlockAssociationSet: [
    { AssociationId: vpc.cidrAssociationId, CidrBlock: vpc.cidr, CidrBlockState: { State: 'associated' } },
  ],
  DhcpOptionsId: 'default',
  InstanceTenancy: vpc.tenancy,
  IsDefault: vpc.isDefault,
  OwnerId: accountId,
  Tags: toTagList(vpc.tags),
})

export const toSubnetOutput = ({ accountId, region }: Account, subnet: Subnet): SubnetOutput => ({
  SubnetId: subnet.id,
  SubnetArn: `arn:aws:ec2:${region}:${accountId}:subnet/${subnet.id}`,
  VpcId: subnet.vpcId,
  State: 'available',
  CidrBlock: subnet.cidr,
  AvailabilityZone: subnet.zone.name,
  AvailabilityZoneId: subnet.zone.id,
  AvailableIpAddressCount: freeCount(subnet),
  DefaultForAz: subnet.isDefault,
  MapPublicIpOnLaunch: subnet.mapPublicIpOnLaunch,
  AssignIpv6AddressOnCreation: false,
  EnableDns64: false,
  Ipv6Native: false,
  OwnerId: accountId,
  Tags: toTagList(subnet.tags),
})

function checkSize(cidr: string, code: string): void {
  const bits = Number(cidr.split('/')[1])
  if (bits < PREFIX_MIN || bits > PREFIX_MAX) throw new AwsError(code, `The CIDR '${cidr}' is invalid.`)
}

function createVpc(account: Account, request: CreateVpcRequest): object {
  const cidr = required(request.CidrBlock, 'cidrBlock')
  requiredBlock(cidr, 'cidrBlock')
  checkSize(cidr, 'InvalidVpc.Range')
  if (request.InstanceTenancy !== undefined && request.InstanceTenancy !== 'default')
    throw new AwsError('UnsupportedOperation', 'Tenancies other than default are not supported by this account.')
  const { vpcs, quotas } = account
  if (vpcs.size >= quotas.vpcs) throw new AwsError('VpcLimitExceeded', 'The maximum number of VPCs has been reached.')
  const vpc: Vpc = {
    ...newResource(account, 'vpc'),
    tags: mergeTags(new Map(), tagsOnCreation(request.TagSpecifications, ['vpc']).vpc),
    cidr,
    cidrAssociationId: account.ids.next('vpc-cidr-assoc'),
    isDefault: false,
    tenancy: 'default',
    enableDnsSupport: true,
    enableDnsHostnames: false,
  }
  vpcs.set(vpc.id, vpc)
  addDefaultGroup(account, vpc.id)
  return { Vpc: toVpcOutput(account, vpc) }
}

const dependency = (what: string, id: string): AwsError =>
  new AwsError('DependencyViolation', `The ${what} '${id}' has dependencies and cannot be deleted.`)

function deleteVpc(account: Account, { VpcId }: DeleteVpcRequest): object {
  const vpc = find(VPC, account.vpcs, required(VpcId, 'vpcId'))
  const isHere = ({ vpcId }: { vpcId: string }): boolean => vpcId === vpc.id
  const groups = [...account.securityGroups.values()].filter(isHere)
  if ([...account.subnets.values()].some(isHere) || groups.some(({ name }) => name !== 'default'))
    throw dependency('vpc', vpc.id)
  for (const { id } of groups) account.securityGroups.delete(id)
  account.vpcs.delete(vpc.id)
  return {}
}

function modifyVpc(account: Account, request: ModifyVpcAttributeRequest): object {
  const vpc = find(VPC, account.vpcs, required(request.VpcId, 'vpcId'))
  const { EnableDnsSupport, EnableDnsHostnames } = request
  if (EnableDnsSupport && EnableDnsHostnames)
    throw new AwsError('InvalidParameterCombination', 'Fields for multiple attribute types specified')
  if (!EnableDnsSupport && !EnableDnsHostnames)
    throw new AwsError('MissingParameter', 'The request must contain an attribute to modify')
  if (EnableDnsSupport) vpc.enableDnsSupport = EnableDnsSupport.Value ?? false
  if (EnableDnsHostnames) vpc.enableDnsHostnames = EnableDnsHostnames.Value ?? false
  return {}
}

function zoneOf({ zones }: Account, { AvailabilityZone, AvailabilityZoneId }: CreateSubnetRequest): Zone {
  if (AvailabilityZoneId !== undefined) return zones.zoneWithId(AvailabilityZoneId)
  return AvailabilityZone === undefined ? required(zones.all[0], 'availabilityZone') : zones.zoneNamed(AvailabilityZone)
}

function createSubnet(account: Account, request: CreateSubnetRequest): object {
  const vpc = find(VPC, account.vpcs, required(request.VpcId, 'vpcId'))
  const cidr = required(request.CidrBlock, 'cidrBlock')
  const block = requiredBlock(cidr, 'cidrBlock')
  checkSize(cidr, 'InvalidSubnet.Range')
  if (!contains(requiredBlock(vpc.cidr, 'cidrBlock'), block))
    throw new AwsError('InvalidSubnet.Range', `The CIDR '${cidr}' is invalid.`)
  const neighbours = [...account.subnets.values()].filter(({ vpcId }) => vpcId === vpc.id)
  for (const neighbour of neighbours) {
    const taken = blockOf(neighbour.cidr)
    if (taken && overlap(taken, block))
      throw new AwsError('InvalidSubnet.Conflict', `The CIDR '${cidr}' conflicts with another subnet`)
  }
  if (neighbours.length >= account.quotas.subnetsPerVpc)
    throw new AwsError('SubnetLimitExceeded', `The maximum number of subnets has been reached in VPC '${vpc.id}'.`)
  const subnet: Subnet = {
    ...newResource(account, 'subnet'),
    tags: mergeTags(new Map(), tagsOnCreation(request.TagSpecifications, ['subnet']).subnet),
    vpcId: vpc.id,
    cidr,
    zone: zoneOf(account, request),
    isDefault: false,
    mapPublicIpOnLaunch: false,
    nextHost: 0,
    usedCount: 0,
  }
  account.subnets.set(subnet.id, subnet)
  return { Subnet: toSubnetOutput(account, subnet) }
}

function deleteSubnet(account: Account, { SubnetId }: DeleteSubnetRequest): object {
  const subnet = find(SUBNET, account.subnets, required(SubnetId, 'subnetId'))
  if (subnet.usedCount > 0) throw dependency('subnet', subnet.id)
  account.subnets.delete(subnet.id)
  return {}
}

function modifySubnet(account: Account, { SubnetId, MapPublicIpOnLaunch }: ModifySubnetAttributeRequest): object {
  const subnet = find(SUBNET, account.subnets, required(SubnetId, 'subnetId'))
  subnet.mapPublicIpOnLaunch = required(MapPublicIpOnLaunch, 'mapPublicIpOnLaunch').Value ?? false
  return {}
}

function describeVpcs(account: Account, request: DescribeVpcsRequest): object {
  const show = (vpc: Vpc): VpcOutput => toVpcOutput(account, vpc)
  const filters = shownBy(show, {
    cidr: 'CidrBlock',
    'cidr-block-association.cidr-block': 'CidrBlockAssociationSet.CidrBlock',
    'cidr-block-association.association-id': 'CidrBlockAssociationSet.AssociationId',
    'cidr-block-association.state': 'CidrBlockAssociationSet.CidrBlockState.State',
    'dhcp-options-id': 'DhcpOptionsId',
    'ipv6-cidr-block-association.ipv6-cidr-block': '',
    'ipv6-cidr-block-association.ipv6-pool': '',
    'ipv6-cidr-block-association.association-id': '',
    'ipv6-cidr-block-association.state': '',
    'is-default': 'IsDefault',
    isDefault: 'IsDefault',
    'owner-id': 'OwnerId',
    state: 'State',
    'vpc-id': 'VpcId',
  })
  const description = { kind: VPC, among: account.vpcs, filters, idsParameter: 'vpcSet' }
  const { items, nextToken } = describe(account, description, request, request.VpcIds)
  return { Vpcs: items.map(show), NextToken: nextToken }
}

function describeSubnets(account: Account, request: DescribeSubnetsRequest): object {
  const show = (subnet: Subnet): SubnetOutput => toSubnetOutput(account, subnet)
  const filters = shownBy(show, {
    'availability-zone': 'AvailabilityZone',
    availabilityZone: 'AvailabilityZone',
    'availability-zone-id': 'AvailabilityZoneId',
    'available-ip-address-count': 'AvailableIpAddressCount',
    'cidr-block': 'CidrBlock',
    cidrBlock: 'CidrBlock',
    cidr: 'CidrBlock',
    'customer-owned-ipv4-pool': '',
    'default-for-az': 'DefaultForAz',
    defaultForAz: 'DefaultForAz',
    'enable-dns64': 'EnableDns64',
    'enable-lni-at-device-index': '',
    'ipv6-cidr-block-association.ipv6-cidr-block': '',
    'ipv6-cidr-block-association.association-id': '',
    'ipv6-cidr-block-association.state': '',
    'ipv6-native': 'Ipv6Native',
    'map-customer-owned-ip-on-launch': '',
    'map-public-ip-on-launch': 'MapPublicIpOnLaunch',
    'outpost-arn': '',
    'owner-id': 'OwnerId',
    'private-dns-name-options-on-launch.hostname-type': '',
    'private-dns-name-options-on-launch.enable-resource-name-dns-a-record': '',
    'private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record': '',
    state: 'State',
    'subnet-arn': 'SubnetArn',
    'subnet-id': 'SubnetId',
    'vpc-id': 'VpcId',
  })
  const description = { kind: SUBNET, among: account.subnets, filters, idsParameter: 'subnetSet' }
  const { items, nextToken } = describe(account, description, request, request.SubnetIds)
  return { Subnets: items.map(show), NextToken: nextToken }
}

export const vpcOperations = (account: Account): Operations => ({
  CreateVpc: operation<CreateVpcRequest>(['CidrBlock', 'InstanceTenancy', 'TagSpecifications'], (input) =>
    createVpc(account, input),
  ),
  DeleteVpc: operation<DeleteVpcRequest>(['VpcId'], (input) => deleteVpc(account, input)),
  DescribeVpcs: operation<DescribeVpcsRequest>(['VpcIds', 'Filters', 'MaxResults', 'NextToken'], (input) =>
    describeVpcs(account, input),
  ),
  ModifyVpcAttribute: operation<ModifyVpcAttributeRequest>(
    ['VpcId', 'EnableDnsSupport', 'EnableDnsHostnames'],
    (input) => modifyVpc(account, input),
  ),
  CreateSubnet: operation<CreateSubnetRequest>(
    ['VpcId', 'CidrBlock', 'AvailabilityZone', 'AvailabilityZoneId', 'TagSpecifications'],
    (input) => createSubnet(account, input),
  ),
  DeleteSubnet: operation<DeleteSubnetRequest>(['SubnetId'], (input) => deleteSubnet(account, input)),
  DescribeSubnets: operation<DescribeSubnetsRequest>(['SubnetIds', 'Filters', 'MaxResults', 'NextToken'], (input) =>
    describeSubnets(account, input),
  ),
  ModifySubnetAttribute: operation<ModifySubnetAttributeRequest>(['SubnetId', 'MapPublicIpOnLaunch'], (input) => {
    if (!input.MapPublicIpOnLaunch) throw invalidValue('No attribute is specified.')
    return modifySubnet(account, input)
  }),
})
