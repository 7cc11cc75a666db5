/** The instance types that this account knows, from what AWS publishes of them. */
import { AwsError } from '../../wire/service.ts'

export interface InstanceType {
  readonly name: string
  readonly architecture: 'x86_64' | 'arm64'
  readonly hypervisor: 'nitro' | 'xen'
  readonly vcpuCount: number
  readonly memoryMiB: number
  readonly interfacesMax: number
  readonly addressesPerInterface: number
  /** Attached volumes: of slots that interfaces and instance stores take from too, or of their own (AWS facts A.14). */
  readonly volumeSlots: { readonly kind: 'shared' | 'dedicated'; readonly max: number }
  /** Instance-store disks. */
  readonly instanceStore?: { readonly count: number; readonly sizeGB: number }
  readonly currentGeneration: boolean
  readonly burstable: boolean
}

const GIB = 1024
const SHARED_SLOTS = 28
const XEN_VOLUMES = 40

interface Size {
  readonly vcpuCount: number
  readonly interfaces: readonly [count: number, addresses: number]
  readonly dedicatedVolumes: number
}

const SIZES: Readonly<Record<string, Size>> = {
  medium: { vcpuCount: 1, interfaces: [2, 4], dedicatedVolumes: 32 },
  large: { vcpuCount: 2, interfaces: [3, 10], dedicatedVolumes: 32 },
  xlarge: { vcpuCount: 4, interfaces: [4, 15], dedicatedVolumes: 32 },
  '2xlarge': { vcpuCount: 8, interfaces: [4, 15], dedicatedVolumes: 32 },
  '4xlarge': { vcpuCount: 16, interfaces: [8, 30], dedicatedVolumes: 32 },
  '8xlarge': { vcpuCount: 32, interfaces: [8, 30], dedicatedVolumes: 32 },
  '12xlarge': { vcpuCount: 48, interfaces: [8, 30], dedicatedVolumes: 32 },
  '16xlarge': { vcpuCount: 64, interfaces: [15, 50], dedicatedVolumes: 48 },
  '24xlarge': { vcpuCount: 96, interfaces: [15, 50], dedicatedVolumes: 64 },
  '48xlarge': { vcpuCount: 192, interfaces: [15, 50], dedicatedVolumes: 128 },
}

interface Family {
  readonly sizes: readonly string[]
  readonly gibPerVcpu: number
  readonly architecture?: 'arm64'
  readonly xen?: true
  readonly dedicated?: true
  readonly previous?: true
}

const UP_TO_12 = ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge']
const UP_TO_24 = [...UP_TO_12, '16xlarge', '24xlarge']
const GRAVITON = ['medium', ...UP_TO_12, '16xlarge']

const FAMILIES: Readonly<Record<string, Family>> = {
  m4: { sizes: ['large', 'xlarge', '2xlarge', '4xlarge', '16xlarge'], gibPerVcpu: 4, xen: true },
  c4: { sizes: ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge'], gibPerVcpu: 1.875, xen: true },
  r4: { sizes: ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '16xlarge'], gibPerVcpu: 7.625, xen: true },
  m5: { sizes: UP_TO_24, gibPerVcpu: 4 },
  m5a: { sizes: UP_TO_24, gibPerVcpu: 4 },
  c5: { sizes: ['large', 'xlarge', '2xlarge', '4xlarge', '12xlarge', '24xlarge'], gibPerVcpu: 2 },
  r5: { sizes: UP_TO_24, gibPerVcpu: 8 },
  m6i: { sizes: UP_TO_24, gibPerVcpu: 4 },
  m6a: { sizes: [...UP_TO_24, '48xlarge'], gibPerVcpu: 4 },
  c6i: { sizes: UP_TO_24, gibPerVcpu: 2 },
  c6a: { sizes: [...UP_TO_24, '48xlarge'], gibPerVcpu: 2 },
  r6i: { sizes: UP_TO_24, gibPerVcpu: 8 },
  m6g: { sizes: GRAVITON, gibPerVcpu: 4, architecture: 'arm64' },
  c6g: { sizes: GRAVITON, gibPerVcpu: 2, architecture: 'arm64' },
  r6g: { sizes: GRAVITON, gibPerVcpu: 8, architecture: 'arm64' },
  m7i: { sizes: [...UP_TO_24, '48xlarge'], gibPerVcpu: 4, dedicated: true },
  c7i: { sizes: [...UP_TO_24, '48xlarge'], gibPerVcpu: 2, dedicated: true },
  r7i: { sizes: [...UP_TO_24, '48xlarge'], gibPerVcpu: 8, dedicated: true },
  m7a: { sizes: ['medium', ...UP_TO_24, '48xlarge'], gibPerVcpu: 4, dedicated: true },
  m7g: { sizes: GRAVITON, gibPerVcpu: 4, architecture: 'arm64' },
  c7g: { sizes: GRAVITON, gibPerVcpu: 2, architecture: 'arm64' },
  r7g: { sizes: GRAVITON, gibPerVcpu: 8, architecture: 'arm64' },
}

/** Those that follow no rule: [vCPUs, GiB, interfaces, addresses]. */
type Odd = readonly [vcpuCount: number, gib: number, interfaces: number, addresses: number]
const BURSTABLE: Readonly<Record<string, Odd>> = {
  nano: [2, 0.5, 2, 2],
  micro: [2, 1, 2, 2],
  small: [2, 2, 3, 4],
  medium: [2, 4, 3, 6],
  large: [2, 8, 3, 12],
  xlarge: [4, 16, 4, 15],
  '2xlarge': [8, 32, 4, 15],
}
const T2: Readonly<Record<string, Odd>> = {
  nano: [1, 0.5, 2, 2],
  micro: [1, 1, 2, 2],
  small: [1, 2, 3, 4],
  medium: [2, 4, 3, 6],
  large: [2, 8, 3, 12],
  xlarge: [4, 16, 3, 15],
  '2xlarge': [8, 32, 3, 15],
}

const NITRO_SLOTS = { kind: 'shared', max: SHARED_SLOTS } as const
const XEN_SLOTS = { kind: 'dedicated', max: XEN_VOLUMES } as const

function* familyTypes(family: string, is: Family): Generator<InstanceType> {
  for (const name of is.sizes) {
    const size = SIZES[name]
    if (!size) throw new Error(`There is no size ${name}.`)
    const { vcpuCount, interfaces, dedicatedVolumes } = size
    yield {
      name: `${family}.${name}`,
      architecture: is.architecture ?? 'x86_64',
      hypervisor: is.xen ? 'xen' : 'nitro',
      vcpuCount,
      memoryMiB: vcpuCount * is.gibPerVcpu * GIB,
      interfacesMax: interfaces[0],
      addressesPerInterface: interfaces[1],
      volumeSlots: is.xen ? XEN_SLOTS : is.dedicated ? { kind: 'dedicated', max: dedicatedVolumes } : NITRO_SLOTS,
      currentGeneration: true,
      burstable: false,
    }
  }
}

function* oddTypes(
  family: string,
  sizes: Readonly<Record<string, Odd>>,
  is: Pick<InstanceType, 'architecture' | 'hypervisor' | 'burstable' | 'currentGeneration'>,
): Generator<InstanceType> {
  for (const [size, [vcpuCount, gib, interfacesMax, addressesPerInterface]] of Object.entries(sizes))
    yield {
      ...is,
      name: `${family}.${size}`,
      vcpuCount,
      memoryMiB: gib * GIB,
      interfacesMax,
      addressesPerInterface,
      volumeSlots: is.hypervisor === 'xen' ? XEN_SLOTS : NITRO_SLOTS,
    }
}

const M5_LARGE = { architecture: 'x86_64', hypervisor: 'nitro', currentGeneration: true, burstable: false } as const
const NITRO_T = { ...M5_LARGE, burstable: true } as const

/** By name. */
export const INSTANCE_TYPES: ReadonlyMap<string, InstanceType> = new Map(
  [
    ...oddTypes('m1', { small: [1, 1.7, 2, 4] }, { ...M5_LARGE, hypervisor: 'xen', currentGeneration: false }),
    ...oddTypes('t2', T2, { ...NITRO_T, hypervisor: 'xen' }),
    ...oddTypes('t3', BURSTABLE, NITRO_T),
    ...oddTypes('t3a', BURSTABLE, NITRO_T),
    ...oddTypes('t4g', BURSTABLE, { ...NITRO_T, architecture: 'arm64' }),
    ...Object.entries(FAMILIES).flatMap(([family, is]) => [...familyTypes(family, is)]),
    ...[...familyTypes('m5d', { sizes: ['large'], gibPerVcpu: 4 })].map((type) => ({
      ...type,
      instanceStore: { count: 1, sizeGB: 75 },
    })),
    ...[...familyTypes('i3en', { sizes: ['xlarge'], gibPerVcpu: 8 })].map((type) => ({
      ...type,
      instanceStore: { count: 1, sizeGB: 2500 },
    })),
  ].map((type) => [type.name, type]),
)

/** @throws AwsError InvalidParameterValue for a type that this account does not know */
export function instanceTypeOf(name: string): InstanceType {
  const type = INSTANCE_TYPES.get(name)
  if (type) return type
  throw new AwsError('InvalidParameterValue', `Invalid value '${name}' for InstanceType.`)
}

/** How many volumes an instance of this type takes, its interfaces being this many (AWS facts A.14). */
export function volumesMax(typeName: string, interfaceCount: number): number {
  const { volumeSlots, instanceStore } = instanceTypeOf(typeName)
  if (volumeSlots.kind === 'dedicated') return volumeSlots.max
  return volumeSlots.max - interfaceCount - (instanceStore?.count ?? 0)
}
