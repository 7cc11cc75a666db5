import type {
  Disk,
  DiskSwap,
  MachineConfiguration,
  MachineRecord,
  PointIn,
  RevertIn,
  VolumeSpecification,
} from '../../core/contracts/records.ts'
import type { ObservedMachine, ObservedSnapshot, ObservedVolume } from '../../core/ports.ts'
import { rootFirst } from '../../core/inspection.ts'

/** One machine with a root disk and data disks, and the records that are about it: what the tests of core start from. */
export const NOW = '2026-03-01T02:00:00.000Z'
export const MACHINE = 'i-0000000000000000a'
export const POINT = `pt-${'0'.repeat(19)}1`
export const REVERT = `rv-${'0'.repeat(19)}1`
export const OWNER = 'tandem-test'

export const runOf = (name: string): string =>
  `arn:aws:states:eu-west-1:111122223333:execution:tandem-protect-machine:${name}`
export const RUN = runOf('run-1')

/** `vol-…` of a number: the same number, the same volume. */
const hex = (number: number): string => number.toString(16).padStart(17, '0')
export const volumeOf = (number: number): string => `vol-${hex(number)}`
export const snapshotOf = (number: number): string => `snap-${hex(number)}`

export const specification = (changes: Partial<VolumeSpecification> = {}): VolumeSpecification => ({
  type: 'gp3',
  sizeGiB: 8,
  encrypted: true,
  multiAttach: false,
  tags: {},
  ...changes,
})

export const configuration = (changes: Partial<MachineConfiguration> = {}): MachineConfiguration => ({
  instanceType: 'm7i.large',
  image: 'ami-0000000000000000a',
  availabilityZone: 'eu-west-1a',
  rootDevice: '/dev/xvda',
  productCodes: [],
  networkInterfaces: [],
  tags: { 'tandem:policy': 'nightly' },
  ...changes,
})

/** `/dev/xvda`, `/dev/sdf`, `/dev/sdg`, …: the first is the root. */
export const deviceOf = (index: number): string => (index === 0 ? '/dev/xvda' : `/dev/sd${'fghijklmnop'[index - 1]}`)

export const disksOf = (count: number, firstVolume = 1): Disk[] =>
  Array.from({ length: count }, (_, index) => ({
    device: deviceOf(index),
    role: index === 0 ? ('root' as const) : ('data' as const),
    volume: volumeOf(firstVolume + index),
    deleteOnTermination: index === 0,
    specification: specification(),
  })).toSorted(rootFirst)

export const observedMachine = (
  disks: readonly Pick<Disk, 'device' | 'volume' | 'deleteOnTermination'>[],
  changes: Partial<ObservedMachine> = {},
): ObservedMachine => ({
  machine: MACHINE,
  power: 'running',
  tags: { 'tandem:policy': 'nightly' },
  rootDeviceType: 'ebs',
  attachments: disks.map(({ device, volume, deleteOnTermination }) => ({
    device,
    volume,
    deleteOnTermination,
    state: 'attached' as const,
  })),
  configuration: configuration(),
  ...changes,
})

export const observedVolume = (volume: string, changes: Partial<ObservedVolume> = {}): ObservedVolume => ({
  volume,
  state: 'in-use',
  availabilityZone: 'eu-west-1a',
  specification: specification(),
  attachedTo: [],
  ...changes,
})

export const observedSnapshot = (
  snapshot: string,
  volume: string,
  changes: Partial<ObservedSnapshot> = {},
): ObservedSnapshot => ({ snapshot, volume, state: 'completed', startedAt: NOW, sizeGiB: 8, tags: {}, ...changes })

export const machineRecordOf = (disks: Disk[] = disksOf(2)): MachineRecord => ({
  version: 1,
  machine: MACHINE,
  policy: 'nightly',
  observedAt: NOW,
  configuration: configuration(),
  disks,
  unprotected: [],
})

export const reserved = (members: Disk[] = disksOf(2), changes: Partial<PointIn<'reserved'>> = {}) =>
  ({
    version: 1,
    state: 'reserved',
    point: POINT,
    machine: MACHINE,
    policy: 'nightly',
    run: RUN,
    reservedAt: NOW,
    consistency: 'crash',
    configuration: configuration(),
    members,
    unprotected: [],
    ...changes,
  }) satisfies PointIn<'reserved'>

export const capturing = (members: Disk[] = disksOf(2), askedAt = NOW): PointIn<'capturing'> => ({
  ...reserved(members),
  state: 'capturing',
  askedAt,
})

/** Each member's snapshot has its volume's number. */
export const captured = (members: Disk[] = disksOf(2), capturedAt = NOW): PointIn<'captured'> => ({
  ...reserved(members),
  state: 'captured',
  members: members.map((member) => ({ ...member, snapshot: member.volume.replace('vol-', 'snap-') })),
  capturedAt,
})

export const complete = (members: Disk[] = disksOf(2), capturedAt = NOW): PointIn<'complete'> => ({
  ...captured(members, capturedAt),
  state: 'complete',
  completedAt: NOW,
})

/** Swaps volume n for volume n + 100. */
export const swapsOf = (count: number, made = true): DiskSwap[] =>
  disksOf(count).map(({ device, role, volume, deleteOnTermination }, index) => ({
    device,
    role,
    outgoing: { volume, deleteOnTermination },
    incoming: {
      ...(made ? { volume: volumeOf(index + 101) } : {}),
      deleteOnTermination,
      from: { snapshot: snapshotOf(index + 1), specification: specification() },
    },
  }))

export const planned = (disks: DiskSwap[] = swapsOf(2), changes: Partial<RevertIn<'planned'>> = {}) =>
  ({
    version: 1,
    state: 'planned',
    revert: REVERT,
    machine: MACHINE,
    run: RUN,
    startedAt: NOW,
    target: { kind: 'point', point: POINT, capturedAt: NOW },
    availabilityZone: 'eu-west-1a',
    wasRunning: true,
    disks,
    ...changes,
  }) satisfies RevertIn<'planned'>

export const swapping = (disks: DiskSwap[] = swapsOf(2), changes: Partial<RevertIn<'planned'>> = {}) =>
  ({ ...planned(disks, changes), state: 'swapping', swapStartedAt: NOW }) satisfies RevertIn<'swapping'>

export const reverted = (disks: DiskSwap[] = swapsOf(2), changes: Partial<RevertIn<'reverted'>> = {}) =>
  ({
    ...swapping(disks),
    state: 'reverted',
    revertedAt: NOW,
    undoUntil: '2026-03-08T02:00:00.000Z',
    ...changes,
  }) satisfies RevertIn<'reverted'>
