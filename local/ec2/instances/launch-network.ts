/** What a launch asks of the network: new interfaces and existing ones, in one of two ways (AWS facts A.17). */
import type { InstanceNetworkInterfaceSpecification, RunInstancesRequest } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import { INTERFACE, SUBNET, find } from '../ids.ts'
import type { InstanceType } from './instance-types.ts'
import type { Account } from '../model.ts'
import type { Instance } from './model.ts'
import { attach, checkPlan, makeInterface, nextPublicIp } from '../network/interface-states.ts'
import type { InterfacePlan } from '../network/interface-states.ts'
import { groupIdsIn, plannedAddresses } from '../network/interfaces.ts'
import type { NetworkInterface, Subnet } from '../network/model.ts'
import { defaultVpcId, groupNamed } from '../network/security-groups.ts'
import type { Zone } from '../network/zones.ts'
import { invalidValue, required, supportOnly } from '../request.ts'
import { mergeTags } from '../tags.ts'
import type { Tags } from '../tags.ts'

const INTERFACE_PARAMETERS = [
  'AssociatePublicIpAddress',
  'DeleteOnTermination',
  'Description',
  'DeviceIndex',
  'Groups',
  'InterfaceType',
  'NetworkInterfaceId',
  'PrivateIpAddress',
  'PrivateIpAddresses',
  'SecondaryPrivateIpAddressCount',
  'SubnetId',
]

/** One interface of each instance of a launch: an existing one, or a new one. */
interface PlannedInterface {
  readonly deviceIndex: number
  readonly deleteOnTermination: boolean
  readonly existing?: NetworkInterface
  readonly plan?: InterfacePlan
}

export interface NetworkPlan {
  readonly zone: Zone
  readonly interfaces: readonly PlannedInterface[]
}

const isSet = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0)

const cannotCombine = (message: string): AwsError => new AwsError('InvalidParameterCombination', message)

function placedZone({ zones }: Account, { Placement = {} }: RunInstancesRequest): Zone | undefined {
  supportOnly(Placement, ['AvailabilityZone', 'AvailabilityZoneId', 'Tenancy', 'GroupName'], 'Placement.')
  if (Placement.Tenancy !== undefined && Placement.Tenancy !== 'default')
    throw new AwsError('UnsupportedOperation', 'Tenancies other than default are not supported by this account.')
  if (Placement.GroupName)
    throw new AwsError('InvalidPlacementGroup.Unknown', `The Placement Group '${Placement.GroupName}' is unknown.`)
  if (Placement.AvailabilityZoneId !== undefined) return zones.zoneWithId(Placement.AvailabilityZoneId)
  return Placement.AvailabilityZone === undefined ? undefined : zones.zoneNamed(Placement.AvailabilityZone)
}

/** @throws AwsError VPCIdNotSpecified, MissingInput */
function defaultSubnet(account: Account, zone: Zone | undefined): Subnet {
  const vpcId = defaultVpcId(account)
  for (const subnet of account.subnets.values())
    if (subnet.vpcId === vpcId && subnet.isDefault && (!zone || subnet.zone.id === zone.id)) return subnet
  throw new AwsError('MissingInput', `No subnets found for the default VPC '${vpcId}'. Please specify a subnet.`)
}

function topLevel(account: Account, request: RunInstancesRequest, tags: Tags): PlannedInterface[] {
  const zone = placedZone(account, request)
  const subnet =
    request.SubnetId === undefined ? defaultSubnet(account, zone) : find(SUBNET, account.subnets, request.SubnetId)
  const named = (request.SecurityGroups ?? []).map((name) => groupNamed(account, name).id)
  const plan: InterfacePlan = {
    subnet,
    groupIds: groupIdsIn(account, subnet, [...(request.SecurityGroupIds ?? []), ...named]),
    description: '',
    privateIp: request.PrivateIpAddress,
    secondaryIps: [],
    secondaryCount: 0,
    wantsPublicIp: subnet.mapPublicIpOnLaunch,
    tags: mergeTags(tags, []),
  }
  return [{ deviceIndex: 0, deleteOnTermination: true, plan }]
}

function existingOne(account: Account, specification: InstanceNetworkInterfaceSpecification): PlannedInterface {
  const { NetworkInterfaceId = '', DeviceIndex, DeleteOnTermination, ...rest } = specification
  for (const [parameter, called] of [
    ['SubnetId', 'a subnet'],
    ['Groups', 'security groups'],
    ['PrivateIpAddress', 'a private IP address'],
    ['PrivateIpAddresses', 'private IP addresses'],
    ['SecondaryPrivateIpAddressCount', 'secondary private IP addresses'],
    ['AssociatePublicIpAddress', 'a public IP address'],
    ['Description', 'a description'],
  ] as const)
    if (isSet(rest[parameter]))
      throw cannotCombine(`A network interface may not specify both a network interface ID and ${called}`)
  const existing = find(INTERFACE, account.interfaces, NetworkInterfaceId)
  if (existing.attachment) throw new AwsError('InvalidNetworkInterface.InUse', `Interface: [${existing.id}] in use.`)
  return { deviceIndex: DeviceIndex ?? 0, deleteOnTermination: DeleteOnTermination ?? false, existing }
}

function newOne(
  account: Account,
  request: RunInstancesRequest,
  specification: InstanceNetworkInterfaceSpecification,
  tags: Tags,
): PlannedInterface {
  const { SubnetId, Groups, Description, DeviceIndex, DeleteOnTermination, AssociatePublicIpAddress } = specification
  if (AssociatePublicIpAddress !== undefined && ((request.NetworkInterfaces?.length ?? 0) > 1 || DeviceIndex !== 0))
    throw cannotCombine(
      'The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.',
    )
  const subnet =
    SubnetId === undefined
      ? defaultSubnet(account, placedZone(account, request))
      : find(SUBNET, account.subnets, SubnetId)
  const plan: InterfacePlan = {
    subnet,
    groupIds: groupIdsIn(account, subnet, Groups),
    description: Description ?? '',
    ...plannedAddresses(specification),
    wantsPublicIp:
      AssociatePublicIpAddress ?? ((request.NetworkInterfaces?.length ?? 0) === 1 && subnet.mapPublicIpOnLaunch),
    tags: mergeTags(tags, []),
  }
  return { deviceIndex: DeviceIndex ?? 0, deleteOnTermination: DeleteOnTermination ?? true, plan }
}

/** Either the parameters of the instance, or interfaces, never both. */
function checkWay(request: RunInstancesRequest): void {
  for (const [parameter, called] of [
    ['SubnetId', 'subnet ID'],
    ['SecurityGroupIds', 'security groups'],
    ['SecurityGroups', 'security groups'],
    ['PrivateIpAddress', 'private address'],
  ] as const)
    if (request[parameter]?.length)
      throw cannotCombine(`Network interfaces and an instance-level ${called} may not be specified on the same request`)
}

function checkIndices(interfaces: readonly PlannedInterface[]): void {
  const indices = interfaces.map(({ deviceIndex }) => deviceIndex)
  if (new Set(indices).size < indices.length)
    throw invalidValue('Each network interface requires a device index of its own.')
  if (!indices.includes(0)) throw invalidValue('A network interface at device index 0 is required.')
  const existing = interfaces.flatMap((one) => one.existing?.id ?? [])
  if (new Set(existing).size < existing.length) throw invalidValue('A network interface is named twice.')
}

/**
 * The interfaces of each instance of a launch, checked.
 * @throws AwsError InvalidParameterCombination, InvalidNetworkInterface.InUse, InvalidIPAddress.InUse and others of AWS facts A.17
 */
export function planNetwork(
  account: Account,
  request: RunInstancesRequest,
  type: InstanceType,
  tags: Tags,
): NetworkPlan {
  const specifications = request.NetworkInterfaces ?? []
  for (const one of specifications) supportOnly(one, INTERFACE_PARAMETERS, 'NetworkInterface.')
  if (specifications.length > 0) checkWay(request)
  const interfaces =
    specifications.length === 0
      ? topLevel(account, request, tags)
      : specifications.map((one) =>
          one.NetworkInterfaceId === undefined ? newOne(account, request, one, tags) : existingOne(account, one),
        )
  checkIndices(interfaces)
  if (interfaces.length > type.interfacesMax)
    throw new AwsError(
      'AttachmentLimitExceeded',
      `Interface count ${interfaces.length} exceeds the limit for ${type.name}`,
    )
  const fixes = interfaces.some(({ existing, plan }) => existing ?? plan?.privateIp ?? plan?.secondaryIps[0])
  if (fixes && request.MaxCount !== 1)
    throw cannotCombine('A network interface or private IP address may be specified for a single instance only.')
  return { zone: zoneOf(account, request, interfaces), interfaces }
}

/** All interfaces, and the placement, name one zone. */
function zoneOf(account: Account, request: RunInstancesRequest, interfaces: readonly PlannedInterface[]): Zone {
  const zones = interfaces.flatMap(({ existing, plan }) => existing?.zone ?? plan?.subnet.zone ?? [])
  const zone = required(zones[0], 'NetworkInterface')
  if (zones.some(({ id }) => id !== zone.id))
    throw cannotCombine('All network interfaces of an instance must be in one availability zone.')
  const placed = placedZone(account, request)
  if (placed && placed.id !== zone.id)
    throw invalidValue(
      `The subnet '${request.SubnetId ?? interfaces[0]?.plan?.subnet.id ?? ''}' is not in the availability zone '${placed.name}'`,
    )
  return zone
}

/** @throws AwsError when so many instances would not find their addresses */
export function checkRoom(account: Account, { interfaces }: NetworkPlan, count: number): void {
  for (const { plan } of interfaces) if (plan) checkPlan(account, plan, count)
}

export function makeInterfaces(
  account: Account,
  instance: Instance,
  { interfaces }: NetworkPlan,
): readonly NetworkInterface[] {
  return interfaces.flatMap(({ deviceIndex, deleteOnTermination, existing, plan }) => {
    const networkInterface = existing ?? (plan && makeInterface(account, { ...plan, tags: new Map(plan.tags) }))
    if (!networkInterface) return []
    attach(account, { networkInterface, instance, deviceIndex }, deleteOnTermination)
    if (deviceIndex === 0 && networkInterface.wantsPublicIp) networkInterface.publicIp = nextPublicIp(account)
    return [networkInterface]
  })
}
