/** What an instance is told about itself, made from what EC2 tells of it to anybody. */
import type { Instance, InstanceNetworkInterface } from '@aws-sdk/client-ec2'
import { wallClockMs } from '../clock.ts'
import type { Credentials, MetadataOptions, MetadataSubject } from './metadata.ts'
import type { Folder } from './tree.ts'

/**
 * From virtual time to the machine's own. A guest's SDK holds what is told here against the machine's clock, and knows nothing
 * of virtual time.
 */
type ToWallMs = (virtualMs: number) => number

const LIST = '\n'

/** ISO 8601 in whole seconds, as these documents have it. */
const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
const json = (document: object): string => JSON.stringify(document, undefined, 2)
const lines = (values: readonly (string | undefined)[]): string | undefined =>
  values.length > 0 ? values.flatMap((value) => value ?? []).join(LIST) : undefined
const bare = (device: string): string => device.replace(/^\/dev\//, '')

/** A locally administered address that goes with the interface's id, for interfaces of which EC2 tells none. */
function macOf({ MacAddress, NetworkInterfaceId }: InstanceNetworkInterface): string {
  const digits = (NetworkInterfaceId ?? '').replace(/\W/g, '').slice(-10).padStart(10, '0')
  return MacAddress ?? ['02', ...(digits.match(/../g) ?? [])].join(':')
}

function interfaceFolder(one: InstanceNetworkInterface, region: string): Folder {
  const publicIp = one.Association?.PublicIp
  const privateIps = one.PrivateIpAddresses?.map(({ PrivateIpAddress }) => PrivateIpAddress) ?? [one.PrivateIpAddress]
  return {
    'device-number': String(one.Attachment?.DeviceIndex ?? 0),
    'interface-id': one.NetworkInterfaceId,
    'ipv4-associations': publicIp === undefined ? undefined : { [publicIp]: one.PrivateIpAddress ?? '' },
    'local-hostname': one.PrivateDnsName,
    'local-ipv4s': lines(privateIps),
    mac: macOf(one),
    'owner-id': one.OwnerId,
    'public-hostname':
      one.Association?.PublicDnsName ?? (publicIp === undefined ? undefined : publicName(publicIp, region)),
    'public-ipv4s': publicIp,
    'security-group-ids': lines(one.Groups?.map(({ GroupId }) => GroupId) ?? []),
    'security-groups': lines(one.Groups?.map(({ GroupName }) => GroupName) ?? []),
    'subnet-id': one.SubnetId,
    'vpc-id': one.VpcId,
  }
}

const publicName = (address: string, region: string): string =>
  `ec2-${address.replaceAll('.', '-')}.${region === 'us-east-1' ? 'compute-1' : `${region}.compute`}.amazonaws.com`

function networkFolder({ NetworkInterfaces: interfaces = [] }: Instance, region: string): Folder {
  return {
    interfaces: { macs: Object.fromEntries(interfaces.map((one) => [macOf(one), interfaceFolder(one, region)])) },
  }
}

/** The disks of the last start: what was attached since is not listed (AWS documentation, instance metadata categories). */
export function blockDevicesAtStart({
  RootDeviceName: root = '',
  BlockDeviceMappings: mappings = [],
}: Instance): Folder {
  const others = mappings.map(({ DeviceName = '' }) => DeviceName).filter((device) => device !== root)
  return {
    ami: bare(root),
    ...Object.fromEntries(others.map((device, index) => [`ebs${index + 1}`, bare(device)])),
    root,
  }
}

function iamFolder(
  { IamInstanceProfile: profile }: Instance,
  role: RoleOfInstance,
  toWallMs: ToWallMs,
): Folder | undefined {
  if (!profile) return undefined
  const { name, credentials } = role
  return {
    info: () =>
      json({
        Code: name === undefined ? 'InstanceProfileNotFound' : 'Success',
        LastUpdated: instant(wallClockMs()),
        InstanceProfileArn: profile.Arn,
        InstanceProfileId: profile.Id,
      }),
    'security-credentials':
      name === undefined ? {} : { [name]: () => json(credentialsDocument(credentials(), toWallMs)) },
  }
}

const credentialsDocument = (credentials: Credentials, toWallMs: ToWallMs): object => ({
  Code: 'Success',
  LastUpdated: instant(toWallMs(credentials.issuedMs)),
  Type: 'AWS-HMAC',
  AccessKeyId: credentials.accessKeyId,
  SecretAccessKey: credentials.secretAccessKey,
  Token: credentials.sessionToken,
  Expiration: instant(toWallMs(credentials.expiresMs)),
})

/** The role that the instance's profile leads to now. */
export interface RoleOfInstance {
  /** Absent: there is no such profile, or no role in it. */
  readonly name?: string
  readonly credentials: () => Credentials
}

function identityDocument(instance: Instance, { accountId, region }: MetadataOptions): string {
  return json({
    accountId,
    architecture: instance.Architecture,
    availabilityZone: instance.Placement?.AvailabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: instance.ImageId,
    instanceId: instance.InstanceId,
    instanceType: instance.InstanceType,
    kernelId: null,
    pendingTime: instance.LaunchTime && instant(instance.LaunchTime.getTime()),
    privateIp: instance.PrivateIpAddress,
    ramdiskId: null,
    region,
    version: '2017-09-30',
  })
}

function tagsFolder({ MetadataOptions, Tags = [] }: Instance): Folder | undefined {
  if (MetadataOptions?.InstanceMetadataTags !== 'enabled') return undefined
  return { instance: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])) }
}

/** The whole tree, as it is now. */
export function contentOf(
  subject: MetadataSubject,
  instance: Instance,
  around: { options: MetadataOptions; blockDevices: Folder; role: RoleOfInstance; toWallMs: ToWallMs },
): Folder {
  const { options, blockDevices, role, toWallMs } = around
  const [primary] = instance.NetworkInterfaces ?? []
  const publicIp = instance.PublicIpAddress
  const metadata: Folder = {
    'ami-id': instance.ImageId,
    'ami-launch-index': String(instance.AmiLaunchIndex ?? 0),
    'ami-manifest-path': '(unknown)',
    'block-device-mapping': blockDevices,
    events: { maintenance: { history: '[]', scheduled: '[]' } },
    hostname: instance.PrivateDnsName,
    iam: iamFolder(instance, role, toWallMs),
    'instance-action': 'none',
    'instance-id': instance.InstanceId,
    'instance-life-cycle': instance.InstanceLifecycle ?? 'on-demand',
    'instance-type': instance.InstanceType,
    'local-hostname': instance.PrivateDnsName,
    'local-ipv4': instance.PrivateIpAddress,
    mac: primary && macOf(primary),
    network: networkFolder(instance, options.region),
    placement: {
      'availability-zone': instance.Placement?.AvailabilityZone,
      'availability-zone-id': instance.Placement?.AvailabilityZoneId,
      region: options.region,
    },
    profile: 'default-hvm',
    'public-hostname': publicIp === undefined ? undefined : publicName(publicIp, options.region),
    'public-ipv4': publicIp,
    'reservation-id': subject.reservationId,
    'security-groups': lines(instance.SecurityGroups?.map(({ GroupName }) => GroupName) ?? []),
    services: { domain: 'amazonaws.com', partition: 'aws' },
    tags: tagsFolder(instance),
  }
  return {
    dynamic: { 'instance-identity': { document: () => identityDocument(instance, options) } },
    'meta-data': metadata,
    'user-data': subject.userData,
  }
}
