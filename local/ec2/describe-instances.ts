/** DescribeInstances, and the shapes of an instance in answers. */
import type {
  DescribeInstancesRequest,
  DescribeInstancesResult,
  InstanceNetworkInterface,
  Instance as InstanceOutput,
  InstanceState,
  InstanceStateName,
  Reservation,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../wire/service.ts'
import { filterBy } from './filters.ts'
import type { FilterValues } from './filters.ts'
import { INSTANCE, find } from './ids.ts'
import type { Account, Instance } from './model.ts'
import { pageOf } from './paging.ts'
import { operation } from './request.ts'
import { toTagList } from './tags.ts'

const STATE_CODES: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}

export const toStateOutput = ({ state }: Pick<Instance, 'state'>): InstanceState => ({
  Code: STATE_CODES[state],
  Name: state,
})

const dashed = (address: string): string => address.replaceAll('.', '-')

function privateDnsName({ region }: Account, address: string): string {
  return `ip-${dashed(address)}.${region === 'us-east-1' ? 'ec2' : `${region}.compute`}.internal`
}

function publicDnsName({ region }: Account, address: string): string {
  return `ec2-${dashed(address)}.${region === 'us-east-1' ? 'compute-1' : `${region}.compute`}.amazonaws.com`
}

function toNetworkInterface(account: Account, instance: Instance): InstanceNetworkInterface {
  const { network, accountId } = account
  return {
    NetworkInterfaceId: instance.networkInterfaceId,
    Status: 'in-use',
    OwnerId: accountId,
    SubnetId: instance.zone.subnetId,
    VpcId: network.vpcId,
    PrivateIpAddress: instance.privateIp,
    PrivateDnsName: privateDnsName(account, instance.privateIp),
    SourceDestCheck: true,
    Groups: [{ GroupId: network.securityGroupId, GroupName: 'default' }],
    Attachment: {
      AttachmentId: `eni-attach-${instance.networkInterfaceId.slice('eni-'.length)}`,
      AttachTime: new Date(instance.createdMs),
      DeleteOnTermination: true,
      DeviceIndex: 0,
      Status: 'attached',
    },
  }
}

/** What an instance has only until it is terminated. */
function livingParts(account: Account, instance: Instance): InstanceOutput {
  const { publicIp } = instance
  return {
    PrivateIpAddress: instance.privateIp,
    PrivateDnsName: privateDnsName(account, instance.privateIp),
    PublicIpAddress: publicIp,
    PublicDnsName: publicIp === undefined ? '' : publicDnsName(account, publicIp),
    SubnetId: instance.zone.subnetId,
    VpcId: account.network.vpcId,
    SecurityGroups: [{ GroupId: account.network.securityGroupId, GroupName: 'default' }],
    NetworkInterfaces: [toNetworkInterface(account, instance)],
    IamInstanceProfile: instance.profile,
  }
}

const toMappings = (instance: Instance): InstanceOutput['BlockDeviceMappings'] =>
  [...instance.attachments.values()].map((attachment) => ({
    DeviceName: attachment.device,
    Ebs: {
      VolumeId: attachment.volume.id,
      // The enumeration of this shape has no `busy`; EC2 says `detaching` here.
      Status: attachment.state === 'busy' ? 'detaching' : attachment.state,
      AttachTime: new Date(attachment.attachedMs),
      DeleteOnTermination: attachment.deleteOnTermination,
    },
  }))

export function toInstanceOutput(account: Account, instance: Instance): InstanceOutput {
  const { image } = instance
  return {
    InstanceId: instance.id,
    ImageId: image.id,
    State: toStateOutput(instance),
    StateReason: instance.stateReason,
    StateTransitionReason: instance.transitionReason,
    InstanceType: instance.type as InstanceOutput['InstanceType'],
    Architecture: image.architecture as InstanceOutput['Architecture'],
    BootMode: image.bootMode as InstanceOutput['BootMode'],
    CurrentInstanceBootMode:
      image.bootMode?.startsWith('uefi') || image.architecture === 'arm64' ? 'uefi' : 'legacy-bios',
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    EnaSupport: true,
    EbsOptimized: false,
    SourceDestCheck: true,
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    Monitoring: { State: 'disabled' },
    MetadataOptions: {
      State: 'applied',
      HttpTokens: 'optional',
      HttpPutResponseHopLimit: 1,
      HttpEndpoint: 'enabled',
      ...instance.metadataOptions,
    },
    LaunchTime: new Date(instance.launchedMs),
    AmiLaunchIndex: instance.launchIndex,
    ClientToken: instance.clientToken ?? '',
    Placement: {
      AvailabilityZone: instance.zone.name,
      AvailabilityZoneId: instance.zone.id,
      GroupName: '',
      Tenancy: 'default',
    },
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: image.rootDeviceType,
    BlockDeviceMappings: toMappings(instance),
    Tags: toTagList(instance.tags),
    ...(instance.state === 'terminated' ? {} : livingParts(account, instance)),
  }
}

/** Instances of one launch, which `instances` are. */
export const toReservation = (account: Account, instances: readonly Instance[]): Reservation => ({
  ReservationId: instances[0]?.reservationId,
  OwnerId: account.accountId,
  Groups: [],
  Instances: instances.map((instance) => toInstanceOutput(account, instance)),
})

const FILTERS: FilterValues<Instance> = {
  architecture: ({ image }) => image.architecture,
  'availability-zone': ({ zone }) => zone.name,
  'block-device-mapping.device-name': ({ attachments }) => [...attachments.keys()],
  'block-device-mapping.volume-id': ({ attachments }) => [...attachments.values()].map(({ volume }) => volume.id),
  'client-token': ({ clientToken }) => clientToken,
  'iam-instance-profile.arn': ({ profile }) => profile?.Arn,
  'image-id': ({ image }) => image.id,
  'instance-id': ({ id }) => id,
  'instance-state-code': (instance) => toStateOutput(instance).Code,
  'instance-state-name': ({ state }) => state,
  'instance-type': ({ type }) => type,
  'private-ip-address': ({ privateIp }) => privateIp,
  'reservation-id': ({ reservationId }) => reservationId,
  'root-device-name': ({ image }) => image.rootDeviceName,
  'root-device-type': ({ image }) => image.rootDeviceType,
  'subnet-id': ({ zone }) => zone.subnetId,
}

function describeInstances(account: Account, request: DescribeInstancesRequest): DescribeInstancesResult {
  const ids = request.InstanceIds?.length ? [...new Set(request.InstanceIds)] : undefined
  const page = pageOf(
    ids ? ids.map((id) => find(INSTANCE, account.instances, id)) : account.instances.values(),
    request,
    filterBy(request.Filters, FILTERS),
    ids && 'instancesSet',
  )
  const reservations = Map.groupBy(page.items, ({ reservationId }) => reservationId)
  return {
    Reservations: [...reservations.values()].map((instances) => toReservation(account, instances)),
    NextToken: page.nextToken,
  }
}

export const instanceDescriptions = (account: Account): Operations => ({
  DescribeInstances: operation<DescribeInstancesRequest>(
    ['InstanceIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeInstances(account, input),
  ),
})
