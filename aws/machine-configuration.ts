import type { Instance, InstanceNetworkInterface, Tag } from '@aws-sdk/client-ec2'
import type { MachineConfiguration } from '../core/contracts/records.ts'
import type { Tags } from '../core/tags.ts'

export const toTags = (tags: readonly Tag[] | undefined): Tags =>
  Object.fromEntries((tags ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? '']])))

export const fromTags = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** Leaves out what is undefined: the catalog keeps what EC2 said and no empty places. */
const known = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

/** What it takes to bring an instance up again, as far as DescribeInstances tells (AWS facts A.17, RegisterImage). */
export function toConfiguration(instance: Instance): MachineConfiguration {
  const metadata = instance.MetadataOptions
  return {
    instanceType: instance.InstanceType ?? '',
    image: instance.ImageId ?? '',
    availabilityZone: instance.Placement?.AvailabilityZone ?? '',
    rootDevice: instance.RootDeviceName ?? '',
    productCodes: (instance.ProductCodes ?? []).flatMap(({ ProductCodeId }) => ProductCodeId ?? []),
    networkInterfaces: (instance.NetworkInterfaces ?? []).map(toNetworkInterface),
    tags: toTags(instance.Tags),
    ...known({
      architecture: instance.Architecture,
      virtualizationType: instance.VirtualizationType,
      bootMode: instance.BootMode,
      currentBootMode: instance.CurrentInstanceBootMode,
      tpmSupport: instance.TpmSupport,
      enaSupport: instance.EnaSupport,
      sriovNetSupport: instance.SriovNetSupport,
      platformDetails: instance.PlatformDetails,
      usageOperation: instance.UsageOperation,
      keyName: instance.KeyName,
      instanceProfile: instance.IamInstanceProfile?.Arn,
      ebsOptimized: instance.EbsOptimized,
      monitoring: instance.Monitoring ? instance.Monitoring.State === 'enabled' : undefined,
      tenancy: instance.Placement?.Tenancy,
      metadataOptions: metadata
        ? known({
            httpTokens: metadata.HttpTokens,
            httpEndpoint: metadata.HttpEndpoint,
            httpPutResponseHopLimit: metadata.HttpPutResponseHopLimit,
            instanceMetadataTags: metadata.InstanceMetadataTags,
          })
        : undefined,
    }),
  }
}

function toNetworkInterface(from: InstanceNetworkInterface): MachineConfiguration['networkInterfaces'][number] {
  return {
    id: from.NetworkInterfaceId ?? '',
    deviceIndex: from.Attachment?.DeviceIndex ?? 0,
    subnet: from.SubnetId ?? '',
    privateAddresses: (from.PrivateIpAddresses ?? []).flatMap(({ PrivateIpAddress }) => PrivateIpAddress ?? []),
    ipv6Addresses: (from.Ipv6Addresses ?? []).flatMap(({ Ipv6Address }) => Ipv6Address ?? []),
    securityGroups: (from.Groups ?? []).flatMap(({ GroupId }) => GroupId ?? []),
    ...known({
      sourceDestCheck: from.SourceDestCheck,
      deleteOnTermination: from.Attachment?.DeleteOnTermination,
    }),
  }
}
