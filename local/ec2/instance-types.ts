/** DescribeInstanceTypes, for the few types that this account knows. */
import type {
  _InstanceType,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  InstanceTypeInfo,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { operation } from './request.ts'

interface InstanceType {
  readonly vcpuCount: number
  readonly memoryMiB: number
  /** Instance-store disks, as EC2 documents them. */
  readonly instanceStore?: { readonly count: number; readonly sizeGB: number }
}

const GIB = 1024

const TYPES: Readonly<Record<string, InstanceType>> = {
  't3.micro': { vcpuCount: 2, memoryMiB: 1 * GIB },
  't3.medium': { vcpuCount: 2, memoryMiB: 4 * GIB },
  'm5.large': { vcpuCount: 2, memoryMiB: 8 * GIB },
  'm6i.large': { vcpuCount: 2, memoryMiB: 8 * GIB },
  'm7i.large': { vcpuCount: 2, memoryMiB: 8 * GIB },
  'm5d.large': { vcpuCount: 2, memoryMiB: 8 * GIB, instanceStore: { count: 1, sizeGB: 75 } },
  'i3en.xlarge': { vcpuCount: 4, memoryMiB: 32 * GIB, instanceStore: { count: 1, sizeGB: 2500 } },
}

function toOutput(name: string): InstanceTypeInfo {
  const type = TYPES[name]
  if (!type) throw new AwsError('InvalidInstanceType', `The following supplied instance types do not exist: [${name}]`)
  const { vcpuCount, memoryMiB, instanceStore } = type
  return {
    InstanceType: name as _InstanceType,
    CurrentGeneration: true,
    Hypervisor: 'nitro',
    VCpuInfo: { DefaultVCpus: vcpuCount },
    MemoryInfo: { SizeInMiB: memoryMiB },
    InstanceStorageSupported: instanceStore !== undefined,
    ...(instanceStore
      ? {
          InstanceStorageInfo: {
            TotalSizeInGB: instanceStore.count * instanceStore.sizeGB,
            Disks: [{ Count: instanceStore.count, SizeInGB: instanceStore.sizeGB, Type: 'ssd' }],
            NvmeSupport: 'required',
          },
        }
      : {}),
  }
}

/** By name only: paging through hundreds of types, and filtering them, is not offered. */
export const instanceTypeDescriptions = (): Operations => ({
  DescribeInstanceTypes: operation<DescribeInstanceTypesRequest>(
    ['InstanceTypes'],
    ({ InstanceTypes }): DescribeInstanceTypesResult => {
      if (!InstanceTypes?.length)
        throw new AwsError('NotImplemented', 'This account describes instance types by name only.', { status: 501 })
      return { InstanceTypes: InstanceTypes.map(toOutput) }
    },
  ),
})
