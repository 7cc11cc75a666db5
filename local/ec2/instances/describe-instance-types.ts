/** DescribeInstanceTypes. */
import type {
  _InstanceType,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  InstanceTypeInfo,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { filterBy, shownBy } from '../filters.ts'
import { INSTANCE_TYPES } from './instance-types.ts'
import type { InstanceType } from './instance-types.ts'
import { pageOf } from '../paging.ts'
import { operation } from '../request.ts'

const LIMITS = { min: 5, max: 100 }

function storageOf({ instanceStore }: InstanceType): Partial<InstanceTypeInfo> {
  if (!instanceStore) return { InstanceStorageSupported: false }
  return {
    InstanceStorageSupported: true,
    InstanceStorageInfo: {
      TotalSizeInGB: instanceStore.count * instanceStore.sizeGB,
      Disks: [{ Count: instanceStore.count, SizeInGB: instanceStore.sizeGB, Type: 'ssd' }],
      NvmeSupport: 'required',
      EncryptionSupport: 'required',
    },
  }
}

const toOutput = (type: InstanceType): InstanceTypeInfo => ({
  InstanceType: type.name as _InstanceType,
  CurrentGeneration: type.currentGeneration,
  BareMetal: false,
  BurstablePerformanceSupported: type.burstable,
  Hypervisor: type.hypervisor,
  ProcessorInfo: { SupportedArchitectures: [type.architecture] },
  VCpuInfo: { DefaultVCpus: type.vcpuCount },
  MemoryInfo: { SizeInMiB: type.memoryMiB },
  SupportedRootDeviceTypes: ['ebs'],
  SupportedUsageClasses: ['on-demand', 'spot'],
  SupportedVirtualizationTypes: type.hypervisor === 'xen' ? ['hvm', 'paravirtual'] : ['hvm'],
  SupportedBootModes: type.architecture === 'arm64' ? ['uefi'] : ['legacy-bios', 'uefi'],
  EbsInfo: {
    EncryptionSupport: 'supported',
    NvmeSupport: type.hypervisor === 'nitro' ? 'required' : 'unsupported',
    MaximumEbsAttachments: type.volumeSlots.max,
    AttachmentLimitType: type.volumeSlots.kind,
  },
  NetworkInfo: {
    MaximumNetworkInterfaces: type.interfacesMax,
    MaximumNetworkCards: 1,
    Ipv4AddressesPerInterface: type.addressesPerInterface,
    Ipv6Supported: false,
    EnaSupport: type.hypervisor === 'nitro' ? 'required' : 'unsupported',
  },
  ...storageOf(type),
})

/** The documented filters for what this account knows of a type; the others are refused. */
const FILTERS = shownBy((item: Item) => toOutput(item.type), {
  'bare-metal': 'BareMetal',
  'burstable-performance-supported': 'BurstablePerformanceSupported',
  'current-generation': 'CurrentGeneration',
  'ebs-info.attachment-limit-type': 'EbsInfo.AttachmentLimitType',
  'ebs-info.encryption-support': 'EbsInfo.EncryptionSupport',
  'ebs-info.maximum-ebs-attachments': 'EbsInfo.MaximumEbsAttachments',
  'ebs-info.nvme-support': 'EbsInfo.NvmeSupport',
  hypervisor: 'Hypervisor',
  'instance-storage-info.disk.count': 'InstanceStorageInfo.Disks.Count',
  'instance-storage-info.disk.size-in-gb': 'InstanceStorageInfo.Disks.SizeInGB',
  'instance-storage-info.disk.type': 'InstanceStorageInfo.Disks.Type',
  'instance-storage-info.encryption-support': 'InstanceStorageInfo.EncryptionSupport',
  'instance-storage-info.nvme-support': 'InstanceStorageInfo.NvmeSupport',
  'instance-storage-info.total-size-in-gb': 'InstanceStorageInfo.TotalSizeInGB',
  'instance-storage-supported': 'InstanceStorageSupported',
  'instance-type': 'InstanceType',
  'memory-info.size-in-mib': 'MemoryInfo.SizeInMiB',
  'network-info.ena-support': 'NetworkInfo.EnaSupport',
  'network-info.ipv4-addresses-per-interface': 'NetworkInfo.Ipv4AddressesPerInterface',
  'network-info.ipv6-supported': 'NetworkInfo.Ipv6Supported',
  'network-info.maximum-network-cards': 'NetworkInfo.MaximumNetworkCards',
  'network-info.maximum-network-interfaces': 'NetworkInfo.MaximumNetworkInterfaces',
  'processor-info.supported-architecture': 'ProcessorInfo.SupportedArchitectures',
  'supported-boot-mode': 'SupportedBootModes',
  'supported-root-device-type': 'SupportedRootDeviceTypes',
  'supported-usage-class': 'SupportedUsageClasses',
  'supported-virtualization-type': 'SupportedVirtualizationTypes',
  'vcpu-info.default-vcpus': 'VCpuInfo.DefaultVCpus',
})

interface Item {
  readonly order: number
  readonly type: InstanceType
  readonly tags: ReadonlyMap<string, string>
}

function describeTypes(request: DescribeInstanceTypesRequest): DescribeInstanceTypesResult {
  const { InstanceTypes = [] } = request
  const unknown = InstanceTypes.filter((name) => !INSTANCE_TYPES.has(name))
  if (unknown.length > 0)
    throw new AwsError(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    )
  const items = [...INSTANCE_TYPES.values()].map((type, order): Item => ({ order, type, tags: new Map() }))
  const page = pageOf(
    items.filter(({ type }) => InstanceTypes.length === 0 || InstanceTypes.some((name) => name === type.name)),
    request,
    filterBy(request.Filters, FILTERS),
    InstanceTypes.length > 0 ? 'instanceTypeSet' : undefined,
    LIMITS,
  )
  return { InstanceTypes: page.items.map(({ type }) => toOutput(type)), NextToken: page.nextToken }
}

export const instanceTypeDescriptions = (): Operations => ({
  DescribeInstanceTypes: operation<DescribeInstanceTypesRequest>(
    ['InstanceTypes', 'Filters', 'MaxResults', 'NextToken'],
    describeTypes,
  ),
})
