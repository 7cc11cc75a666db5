import * as z from 'zod'
import {
  deviceName,
  instant,
  machineId,
  pointId,
  policyName,
  revertId,
  runId,
  snapshotId,
  taskToken,
  volumeId,
} from './identifiers.ts'
import { recovery } from './recovery.ts'

/**
 * The catalog: every record that Tandem keeps, as a strict union by state. Illegal states do not parse, and each record
 * carries the version of its schema. Written through `Catalog` (core/ports.ts) only.
 */

const tags = z.record(z.string(), z.string())

export const volumeSpecification = z.strictObject({
  type: z.string(),
  sizeGiB: z.int().positive(),
  iops: z.int().positive().optional(),
  throughputMiBps: z.int().positive().optional(),
  encrypted: z.boolean(),
  kmsKey: z.string().optional(),
  multiAttach: z.boolean(),
  tags,
})

/** An EBS disk of a machine as last seen. */
export const disk = z.strictObject({
  device: deviceName,
  role: z.enum(['root', 'data']),
  volume: volumeId,
  deleteOnTermination: z.boolean(),
  specification: volumeSpecification,
  /** As the guest's own `lsblk` told; absent when the machine does not answer to SSM. Several mounts are sorted. */
  mountPoints: z.array(z.string()).optional(),
  fileSystem: z.string().optional(),
})

/** A disk that no point holds, and why. */
export const unprotectedDisk = z.strictObject({
  device: deviceName,
  volume: volumeId.optional(),
  reason: z.enum(['excluded-by-tag', 'instance-store']),
})

/** What it takes to bring the machine up again; kept with every point. */
export const machineConfiguration = z.strictObject({
  instanceType: z.string(),
  image: z.string(),
  availabilityZone: z.string(),
  rootDevice: deviceName,
  architecture: z.string().optional(),
  virtualizationType: z.string().optional(),
  bootMode: z.string().optional(),
  currentBootMode: z.string().optional(),
  tpmSupport: z.string().optional(),
  enaSupport: z.boolean().optional(),
  sriovNetSupport: z.string().optional(),
  platformDetails: z.string().optional(),
  usageOperation: z.string().optional(),
  productCodes: z.array(z.string()),
  keyName: z.string().optional(),
  instanceProfile: z.string().optional(),
  /** Base64, as EC2 gives it. */
  userData: z.string().optional(),
  ebsOptimized: z.boolean().optional(),
  monitoring: z.boolean().optional(),
  tenancy: z.string().optional(),
  metadataOptions: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  networkInterfaces: z.array(
    z.strictObject({
      id: z.string(),
      deviceIndex: z.int().nonnegative(),
      subnet: z.string(),
      privateAddresses: z.array(z.string()),
      ipv6Addresses: z.array(z.string()),
      securityGroups: z.array(z.string()),
      elasticAllocation: z.string().optional(),
      sourceDestCheck: z.boolean().optional(),
      deleteOnTermination: z.boolean().optional(),
    }),
  ),
  tags,
})

export const machineRecord = z.strictObject({
  version: z.literal(1),
  machine: machineId,
  policy: policyName,
  observedAt: instant,
  configuration: machineConfiguration,
  disks: z.array(disk).min(1),
  unprotected: z.array(unprotectedDisk),
  lastCompletePoint: z.strictObject({ point: pointId, capturedAt: instant }).optional(),
})

/** One disk's place inside a point: a row of FIG. 7. */
const member = disk
const capturedMember = disk.extend({ snapshot: snapshotId })

const point = z.strictObject({
  version: z.literal(1),
  point: pointId,
  machine: machineId,
  policy: policyName,
  run: runId,
  /** When the point was reserved: part of its key, so it never changes. */
  reservedAt: instant,
  /** Asked for and achieved are the same until application consistency exists. */
  consistency: z.literal('crash'),
  configuration: machineConfiguration,
  unprotected: z.array(unprotectedDisk),
  /** Only of a point that was written back from a vault. */
  recovery: recovery.optional(),
})

/** What a vault keeps of a point beside its disks: enough to bring point and machine up again without the catalog. */
export const vaultedPoint = z.object({
  policy: policyName,
  consistency: z.literal('crash'),
  configuration: machineConfiguration,
  members: z.array(capturedMember).min(1),
  unprotected: z.array(unprotectedDisk),
})

/** A member without its snapshot: parsing one with it leaves that out. */
export const memberOfPoint = z.object(disk.shape)

/** What a point is in every state, whatever else a state adds: parsing a record with it leaves the additions out. */
export const pointInAnyState = z.object({ ...point.shape, members: z.array(memberOfPoint).min(1) })

export const failure = z.strictObject({ error: z.string(), cause: z.string() })

export const pointRecord = z.discriminatedUnion('state', [
  /** Its id and its disks are fixed; nothing has been asked of EC2. */
  point.extend({ state: z.literal('reserved'), members: z.array(member).min(1) }),
  /** CreateSnapshots is about to be, or was, called, and its answer is not known: a retry must look before it calls. */
  point.extend({ state: z.literal('capturing'), members: z.array(member).min(1), askedAt: instant }),
  /** The instant is fixed; EBS still copies. */
  point.extend({ state: z.literal('captured'), members: z.array(capturedMember).min(1), capturedAt: instant }),
  point.extend({
    state: z.literal('complete'),
    members: z.array(capturedMember).min(1),
    capturedAt: instant,
    completedAt: instant,
  }),
  /** Nothing of it is left in EBS. */
  point.extend({ state: z.literal('failed'), members: z.array(member).min(1), failedAt: instant, failure }),
])

/** One disk's swap. `outgoing` is what is in place before, `incoming` what is in place after. */
export const diskSwap = z.strictObject({
  device: deviceName,
  role: z.enum(['root', 'data']),
  outgoing: z.strictObject({ volume: volumeId, deleteOnTermination: z.boolean() }),
  incoming: z.strictObject({
    /** Absent until the volume has been made. */
    volume: volumeId.optional(),
    deleteOnTermination: z.boolean(),
    /** Absent when undoing: the volume exists already. */
    from: z.strictObject({ snapshot: snapshotId, specification: volumeSpecification }).optional(),
  }),
})

const revert = z.strictObject({
  version: z.literal(1),
  revert: revertId,
  machine: machineId,
  run: runId,
  startedAt: instant,
  /** What the disks go back to: a point, or, for an undo, the disks as they were before that revert. */
  target: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('point'), point: pointId, capturedAt: instant }),
    z.strictObject({ kind: z.literal('undo'), revert: revertId }),
  ]),
  availabilityZone: z.string(),
  /** A machine that was stopped is left stopped. */
  wasRunning: z.boolean(),
  disks: z.array(diskSwap).min(1),
})

/** As `pointInAnyState`. */
export const revertInAnyState = z.object(revert.shape)

export const revertRecord = z.discriminatedUnion('state', [
  revert.extend({ state: z.literal('planned') }),
  /** From the moment before the stop: a failure from here on swaps back. */
  revert.extend({ state: z.literal('swapping'), swapStartedAt: instant }),
  revert.extend({
    state: z.literal('reverted'),
    swapStartedAt: instant,
    revertedAt: instant,
    /** Until then the replaced volumes are kept and the revert can be undone. */
    undoUntil: instant,
    undoneBy: revertId.optional(),
  }),
  /** The machine is as it was before; nothing of the revert is left. */
  revert.extend({ state: z.literal('failed'), failedAt: instant, failure }),
])

/** Who may change the machine's disks now. Lets go when its owner finishes; a dead owner's lock may be taken over. */
export const lockRecord = z.strictObject({ version: z.literal(1), machine: machineId, owner: runId, takenAt: instant })

/**
 * Who waits for a resource. One record per resource and token, so that an event about a resource finds its waiters with one query.
 */
export const waitRecord = z.strictObject({
  version: z.literal(1),
  /** The resource this record is filed under. */
  resource: z.string(),
  token: taskToken,
  kind: z.enum([
    'snapshots-completed',
    'volumes-available',
    'machine-stopped',
    'machine-running',
    'command-finished',
    'proxy-finished',
  ]),
  /** All resources that this wait is for: it ends when each is where it should be. */
  resources: z.array(z.string()).min(1),
  /** For `command-finished`: the instance that runs the command. */
  machine: machineId.optional(),
  registeredAt: instant,
})

/** A resource that Tandem is about to make, or made and has not yet handed over. Closed = removed. */
export const ledgerEntry = z.strictObject({
  version: z.literal(1),
  run: runId,
  machine: machineId,
  /** Unique within the run, e.g. `volume:/dev/sdf`. */
  item: z.string(),
  purpose: z.string(),
  /** Absent while the call that makes it may not have happened. */
  resource: z.string().optional(),
  openedAt: instant,
  /** After this instant nobody is working on it any more. */
  deadline: instant,
})

export type VolumeSpecification = z.infer<typeof volumeSpecification>
export type Disk = z.infer<typeof disk>
export type UnprotectedDisk = z.infer<typeof unprotectedDisk>
export type MachineConfiguration = z.infer<typeof machineConfiguration>
export type MachineRecord = z.infer<typeof machineRecord>
export type PointRecord = z.infer<typeof pointRecord>
export type VaultedPoint = z.infer<typeof vaultedPoint>
export type PointState = PointRecord['state']
export type PointIn<State extends PointState> = Extract<PointRecord, { state: State }>
export type RevertRecord = z.infer<typeof revertRecord>
export type RevertState = RevertRecord['state']
export type RevertIn<State extends RevertState> = Extract<RevertRecord, { state: State }>
export type DiskSwap = z.infer<typeof diskSwap>
export type LockRecord = z.infer<typeof lockRecord>
export type WaitRecord = z.infer<typeof waitRecord>
export type LedgerEntry = z.infer<typeof ledgerEntry>
export type Failure = z.infer<typeof failure>
