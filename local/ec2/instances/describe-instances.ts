/** DescribeInstances, and the shapes of an instance in answers. */
import type {
  DescribeInstancesRequest,
  DescribeInstancesResult,
  Instance as InstanceOutput,
  InstanceState,
  Reservation,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../../wire/service.ts'
import { byId, describe } from '../describe.ts'
import type { Description } from '../describe.ts'
import { INSTANCE } from '../ids.ts'
import { STATE_CODES } from './instance-state-codes.ts'
import { platformOf } from '../images/shapes.ts'
import { toMetadataOptions } from './metadata-options.ts'
import type { Account } from '../model.ts'
import type { Instance } from './model.ts'
import { groupsOf, toInstanceInterface } from '../network/describe-interfaces.ts'
import { interfacesOf, publicIpOf } from '../network/interface-states.ts'
import { privateDnsName, publicDnsName } from '../network/names.ts'
import { instanceFilters } from './instance-filters.ts'
import { operation } from '../request.ts'
import { toTagList } from '../tags.ts'

export const toStateOutput = ({ state }: Pick<Instance, 'state'>): InstanceState => ({
  Code: STATE_CODES[state],
  Name: state,
})

/** What an instance has only until it is terminated. */
function livingParts(account: Account, instance: Instance): InstanceOutput {
  const interfaces = interfacesOf(account, instance)
  const primary = interfaces.find(({ attachment }) => attachment?.deviceIndex === 0)
  const [privateIp = ''] = primary?.privateIps ?? []
  const publicIp = primary && publicIpOf(account, primary, privateIp)
  return {
    PrivateIpAddress: privateIp,
    PrivateDnsName: privateDnsName(account, privateIp),
    PublicIpAddress: publicIp,
    PublicDnsName: publicIp === undefined ? '' : publicDnsName(account, publicIp),
    SubnetId: primary?.subnetId,
    VpcId: primary?.vpcId,
    SourceDestCheck: primary?.sourceDestCheck,
    SecurityGroups: primary ? groupsOf(account, primary) : [],
    NetworkInterfaces: interfaces.map((one) => toInstanceInterface(account, one)),
    IamInstanceProfile: instance.profile && { Arn: instance.profile.arn, Id: instance.profile.profileId },
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
    VirtualizationType: image.virtualizationType,
    Hypervisor: 'xen',
    EnaSupport: instance.enaSupport,
    SriovNetSupport: image.sriovNetSupport,
    TpmSupport: image.tpmSupport,
    EbsOptimized: instance.ebsOptimized,
    PlatformDetails: image.software.platformDetails,
    UsageOperation: image.software.usageOperation,
    UsageOperationUpdateTime: new Date(instance.createdMs),
    Platform: platformOf(image),
    ProductCodes: [],
    KeyName: instance.keyName,
    Monitoring: { State: instance.monitored ? 'enabled' : 'disabled' },
    InstanceLifecycle: instance.spot && 'spot',
    SpotInstanceRequestId: instance.spot?.id,
    MetadataOptions: toMetadataOptions(instance),
    EnclaveOptions: { Enabled: false },
    HibernationOptions: { Configured: false },
    MaintenanceOptions: { AutoRecovery: 'default', RebootMigration: 'default' },
    NetworkPerformanceOptions: { BandwidthWeighting: 'default' },
    CapacityReservationSpecification: { CapacityReservationPreference: 'open' },
    PrivateDnsNameOptions: {
      HostnameType: 'ip-name',
      EnableResourceNameDnsARecord: false,
      EnableResourceNameDnsAAAARecord: false,
    },
    Operator: { Managed: false },
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

function descriptionOf(account: Account): Description<Instance> {
  const { instances, volumes } = account
  return {
    kind: INSTANCE,
    among: instances,
    filters: instanceFilters(account, (instance) => toInstanceOutput(account, instance)),
    idsParameter: 'instancesSet',
    indexes: {
      'instance-id': byId(instances),
      'block-device-mapping.volume-id': (id) => volumes.get(id)?.attachments.map(({ instance }) => instance) ?? [],
    },
  }
}

export function instanceDescriptions(account: Account): Operations {
  const description = descriptionOf(account)
  return {
    DescribeInstances: operation<DescribeInstancesRequest>(
      ['InstanceIds', 'Filters', 'MaxResults', 'NextToken', 'IncludeManagedResources'],
      (request): DescribeInstancesResult => {
        const { items, nextToken } = describe(account, description, request, request.InstanceIds)
        const reservations = Map.groupBy(items, ({ reservationId }) => reservationId)
        return {
          Reservations: [...reservations.values()].map((members) => toReservation(account, members)),
          NextToken: nextToken,
        }
      },
    ),
  }
}
