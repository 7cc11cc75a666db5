/** The documented filters of DescribeInstances. */
import type { Instance as InstanceOutput } from '@aws-sdk/client-ec2'
import { shownBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { STATE_CODES } from './instance-state-codes.ts'
import { platformOf } from '../images/shapes.ts'
import type { Account } from '../model.ts'
import type { Instance } from './model.ts'
import { interfacesOf, primaryInterfaceOf, publicIpOf } from '../network/interface-states.ts'
import type { NetworkInterface } from '../network/model.ts'
import { privateDnsName, publicDnsName } from '../network/names.ts'

/** Seldom asked for: the whole answer is made to look. */
const SHOWN = {
  affinity: '',
  'capacity-reservation-id': '',
  'capacity-reservation-specification.capacity-reservation-preference':
    'CapacityReservationSpecification.CapacityReservationPreference',
  'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id': '',
  'capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn': '',
  'current-instance-boot-mode': 'CurrentInstanceBootMode',
  'enclave-options.enabled': 'EnclaveOptions.Enabled',
  'hibernation-options.configured': 'HibernationOptions.Configured',
  'host-id': '',
  hypervisor: 'Hypervisor',
  'ipv6-address': '',
  'kernel-id': '',
  'maintenance-options.auto-recovery': 'MaintenanceOptions.AutoRecovery',
  'metadata-options.http-endpoint': 'MetadataOptions.HttpEndpoint',
  'metadata-options.http-protocol-ipv4': '',
  'metadata-options.http-protocol-ipv6': 'MetadataOptions.HttpProtocolIpv6',
  'metadata-options.http-put-response-hop-limit': 'MetadataOptions.HttpPutResponseHopLimit',
  'metadata-options.http-tokens': 'MetadataOptions.HttpTokens',
  'metadata-options.instance-metadata-tags': 'MetadataOptions.InstanceMetadataTags',
  'metadata-options.state': 'MetadataOptions.State',
  'network-interface.addresses.association.allocation-id':
    'NetworkInterfaces.PrivateIpAddresses.Association.AllocationId',
  'network-interface.addresses.association.association-id':
    'NetworkInterfaces.PrivateIpAddresses.Association.AssociationId',
  'network-interface.addresses.association.carrier-ip': '',
  'network-interface.addresses.association.customer-owned-ip': '',
  'network-interface.addresses.association.ip-owner-id': 'NetworkInterfaces.PrivateIpAddresses.Association.IpOwnerId',
  'network-interface.addresses.association.public-dns-name':
    'NetworkInterfaces.PrivateIpAddresses.Association.PublicDnsName',
  'network-interface.addresses.association.public-ip': 'NetworkInterfaces.PrivateIpAddresses.Association.PublicIp',
  'network-interface.addresses.primary': 'NetworkInterfaces.PrivateIpAddresses.Primary',
  'network-interface.addresses.private-dns-name': 'NetworkInterfaces.PrivateIpAddresses.PrivateDnsName',
  'network-interface.addresses.private-ip-address': 'NetworkInterfaces.PrivateIpAddresses.PrivateIpAddress',
  'network-interface.association.allocation-id': 'NetworkInterfaces.Association.AllocationId',
  'network-interface.association.association-id': 'NetworkInterfaces.Association.AssociationId',
  'network-interface.association.carrier-ip': '',
  'network-interface.association.customer-owned-ip': '',
  'network-interface.association.ip-owner-id': 'NetworkInterfaces.Association.IpOwnerId',
  'network-interface.association.public-dns-name': 'NetworkInterfaces.Association.PublicDnsName',
  'network-interface.association.public-ip': 'NetworkInterfaces.Association.PublicIp',
  'network-interface.attachment.attach-time': 'NetworkInterfaces.Attachment.AttachTime',
  'network-interface.attachment.attachment-id': 'NetworkInterfaces.Attachment.AttachmentId',
  'network-interface.attachment.delete-on-termination': 'NetworkInterfaces.Attachment.DeleteOnTermination',
  'network-interface.attachment.device-index': 'NetworkInterfaces.Attachment.DeviceIndex',
  'network-interface.attachment.instance-id': 'InstanceId',
  'network-interface.attachment.instance-owner-id': 'NetworkInterfaces.OwnerId',
  'network-interface.attachment.network-card-index': 'NetworkInterfaces.Attachment.NetworkCardIndex',
  'network-interface.attachment.status': 'NetworkInterfaces.Attachment.Status',
  'network-interface.availability-zone': 'Placement.AvailabilityZone',
  'network-interface.deny-all-igw-traffic': '',
  'network-interface.description': 'NetworkInterfaces.Description',
  'network-interface.group-id': 'NetworkInterfaces.Groups.GroupId',
  'network-interface.group-name': 'NetworkInterfaces.Groups.GroupName',
  'network-interface.ipv4-prefixes.ipv4-prefix': '',
  'network-interface.ipv6-address': '',
  'network-interface.ipv6-addresses.ipv6-address': '',
  'network-interface.ipv6-addresses.is-primary-ipv6': '',
  'network-interface.ipv6-native': '',
  'network-interface.ipv6-prefixes.ipv6-prefix': '',
  'network-interface.mac-address': 'NetworkInterfaces.MacAddress',
  'network-interface.network-interface-id': 'NetworkInterfaces.NetworkInterfaceId',
  'network-interface.operator.managed': 'NetworkInterfaces.Operator.Managed',
  'network-interface.operator.principal': '',
  'network-interface.outpost-arn': '',
  'network-interface.owner-id': 'NetworkInterfaces.OwnerId',
  'network-interface.private-dns-name': 'NetworkInterfaces.PrivateDnsName',
  'network-interface.private-ip-address': 'NetworkInterfaces.PrivateIpAddress',
  'network-interface.public-dns-name': 'NetworkInterfaces.Association.PublicDnsName',
  'network-interface.requester-id': '',
  'network-interface.requester-managed': '',
  'network-interface.source-dest-check': 'NetworkInterfaces.SourceDestCheck',
  'network-interface.status': 'NetworkInterfaces.Status',
  'network-interface.subnet-id': 'NetworkInterfaces.SubnetId',
  'network-interface.vpc-id': 'NetworkInterfaces.VpcId',
  'network-performance-options.bandwidth-weighting': 'NetworkPerformanceOptions.BandwidthWeighting',
  'operator.managed': 'Operator.Managed',
  'operator.principal': '',
  'outpost-arn': '',
  'placement-group-name': '',
  'placement-partition-number': '',
  'private-dns-name-options.enable-resource-name-dns-a-record': 'PrivateDnsNameOptions.EnableResourceNameDnsARecord',
  'private-dns-name-options.enable-resource-name-dns-aaaa-record':
    'PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord',
  'private-dns-name-options.hostname-type': 'PrivateDnsNameOptions.HostnameType',
  'product-code': '',
  'product-code.type': '',
  'ramdisk-id': '',
  'requester-id': '',
  'source-dest-check': 'SourceDestCheck',
  'usage-operation-update-time': 'UsageOperationUpdateTime',
} as const

/** What is asked for often is read off the instance itself, so that ten thousand of them are searched quickly. */
export function instanceFilters(
  account: Account,
  show: (instance: Instance) => InstanceOutput,
): FilterValues<Instance> {
  const primary = (instance: Instance): NetworkInterface | undefined => primaryInterfaceOf(account, instance)
  const publicIp = (instance: Instance): string | undefined => {
    const one = primary(instance)
    return one && publicIpOf(account, one, one.privateIps[0] ?? '')
  }
  const ofInterfaces =
    (read: (one: NetworkInterface) => Iterable<string>) =>
    (instance: Instance): string[] =>
      interfacesOf(account, instance).flatMap((one) => [...read(one)])
  return {
    ...shownBy(show, SHOWN),
    ...OF_INSTANCE,
    'dns-name': (instance) => {
      const address = publicIp(instance)
      return address && publicDnsName(account, address)
    },
    'instance.group-id': (instance) => primary(instance)?.groupIds ?? [],
    'instance.group-name': (instance) =>
      (primary(instance)?.groupIds ?? []).map((id) => account.securityGroups.get(id)?.name),
    'ip-address': publicIp,
    'network-interface.tag-key': ofInterfaces(({ tags }) => tags.keys()),
    'network-interface.tag-value': ofInterfaces(({ tags }) => tags.values()),
    'owner-id': () => account.accountId,
    'private-dns-name': (instance) => {
      const address = primary(instance)?.privateIps[0]
      return address && privateDnsName(account, address)
    },
    'private-ip-address': (instance) => primary(instance)?.privateIps[0],
    'subnet-id': (instance) => primary(instance)?.subnetId,
    'vpc-id': (instance) => primary(instance)?.vpcId,
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()
const attachmentsOf = ({ attachments }: Instance) => [...attachments.values()]

const OF_INSTANCE: FilterValues<Instance> = {
  architecture: ({ image }) => image.architecture,
  'availability-zone': ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  'block-device-mapping.attach-time': (instance) => attachmentsOf(instance).map(({ attachedMs }) => iso(attachedMs)),
  'block-device-mapping.delete-on-termination': (instance) =>
    attachmentsOf(instance).map(({ deleteOnTermination }) => deleteOnTermination),
  'block-device-mapping.device-name': ({ attachments }) => [...attachments.keys()],
  'block-device-mapping.status': (instance) => attachmentsOf(instance).map(({ state }) => state),
  'block-device-mapping.volume-id': (instance) => attachmentsOf(instance).map(({ volume }) => volume.id),
  'boot-mode': ({ image }) => image.bootMode,
  'client-token': ({ clientToken }) => clientToken,
  'ebs-optimized': ({ ebsOptimized }) => ebsOptimized,
  'ena-support': ({ enaSupport }) => enaSupport,
  'iam-instance-profile.arn': ({ profile }) => profile?.arn,
  'iam-instance-profile.id': ({ profile }) => profile?.profileId,
  'image-id': ({ image }) => image.id,
  'instance-id': ({ id }) => id,
  'instance-lifecycle': ({ spot }) => spot && 'spot',
  'instance-state-code': ({ state }) => STATE_CODES[state],
  'instance-state-name': ({ state }) => state,
  'instance-type': ({ type }) => type,
  'key-name': ({ keyName }) => keyName,
  'launch-index': ({ launchIndex }) => launchIndex,
  'launch-time': ({ launchedMs }) => iso(launchedMs),
  'monitoring-state': ({ monitored }) => (monitored ? 'enabled' : 'disabled'),
  platform: ({ image }) => platformOf(image),
  'platform-details': ({ image }) => image.software.platformDetails,
  reason: ({ transitionReason }) => transitionReason,
  'reservation-id': ({ reservationId }) => reservationId,
  'root-device-name': ({ image }) => image.rootDeviceName,
  'root-device-type': ({ image }) => image.rootDeviceType,
  'spot-instance-request-id': ({ spot }) => spot?.id,
  'state-reason-code': ({ stateReason }) => stateReason?.Code,
  'state-reason-message': ({ stateReason }) => stateReason?.Message,
  tenancy: ({ tenancy }) => tenancy,
  'tpm-support': ({ image }) => image.tpmSupport,
  'usage-operation': ({ image }) => image.software.usageOperation,
  'virtualization-type': ({ image }) => image.virtualizationType,
}
