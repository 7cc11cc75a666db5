import * as z from 'zod'
import { contract } from './contract.ts'
import * as copying from './copy-tasks.ts'
import * as recovering from './recovery-tasks.ts'
import * as expiring from './expiry-tasks.ts'
import { instant, machineId, pointId, policyName, revertId, runId, taskToken } from './identifiers.ts'
import { catalog, owner, policies, reports } from './task-environment.ts'

/**
 * The contract of every Task state, in the order in which the state machines run them. Tasks pass ids and counts to each
 * other, never lists: what is long is in the catalog or in S3 (256 KiB, AWS facts C.1).
 */

/** Which run of which machine: what every task of protect-machine and revert-machine is told. */
const subject = z.strictObject({ machine: machineId, run: runId })
const pointSubject = subject.extend({ point: pointId })
const revertSubject = subject.extend({ revert: revertId })
const nothing = z.strictObject({})

// protect-fleet

/** What a schedule starts `protect-fleet` with; `{"policy":"…"}` is enough from the console. */
export const fleetInput = z.strictObject({ policy: policyName, scheduledAt: instant.optional() })

export const discoverMachines = contract({
  name: 'DiscoverMachines',
  /** `request` is the execution's whole input as somebody typed it: parsed here, so that a wrong one is named. */
  input: z.strictObject({ request: z.unknown(), run: runId, startedAt: instant }),
  output: z.strictObject({
    policy: policyName,
    /** As scheduled, or when the run started. */
    scheduledAt: instant,
    bucket: z.string(),
    key: z.string(),
    machineCount: z.int().nonnegative(),
  }),
  environment: reports.extend(policies.shape),
})

export const summarizeFleet = contract({
  name: 'SummarizeFleet',
  /** The manifest that the Distributed Map's ResultWriter wrote. */
  input: z.strictObject({ policy: policyName, bucket: z.string(), manifestKey: z.string() }),
  output: z.strictObject({
    protectedCount: z.int().nonnegative(),
    failedCount: z.int().nonnegative(),
    /** The first few failures, as `i-…: error`; the rest is in the manifest. */
    failures: z.array(z.string()).max(20),
  }),
  environment: reports,
})

// protect-machine

/** `{"machine":"i-…"}` is enough, from the console; the fleet adds policy and scheduledAt. */
export const protectInput = z.strictObject({
  machine: machineId,
  policy: policyName.optional(),
  scheduledAt: instant.optional(),
})

export const inspectMachine = contract({
  name: 'InspectMachine',
  /** `request` as in DiscoverMachines. */
  input: z.strictObject({ request: z.unknown(), run: runId, startedAt: instant }),
  output: z.strictObject({ machine: machineId, policy: policyName, diskCount: z.int().positive() }),
  environment: catalog.extend(policies.shape),
})

export const readMounts = contract({
  name: 'ReadMounts',
  input: subject.extend({ token: taskToken }),
  output: nothing,
  environment: catalog,
})

export const reservePoint = contract({
  name: 'ReservePoint',
  /** `mountsCommand`: the SSM command that told the mounts; null when the machine did not answer. */
  input: subject.extend({ startedAt: instant, mountsCommand: z.string().nullable() }),
  output: z.strictObject({ point: pointId }),
  environment: catalog.extend(owner.shape),
})

export const createSnapshots = contract({
  name: 'CreateSnapshots',
  input: pointSubject,
  output: z.strictObject({ snapshotCount: z.int().positive(), capturedAt: instant }),
  environment: catalog.extend(owner.shape),
})

export const awaitSnapshots = contract({
  name: 'AwaitSnapshots',
  input: pointSubject.extend({ token: taskToken }),
  output: nothing,
  environment: catalog,
})

export const completePoint = contract({
  name: 'CompletePoint',
  input: pointSubject,
  output: z.strictObject({ point: pointId, snapshotCount: z.int().positive(), capturedAt: instant }),
  environment: catalog,
})

export const discardPoint = contract({
  name: 'DiscardPoint',
  /** `point` is null when the failure came before it was reserved. */
  input: subject.extend({ point: pointId.nullable(), error: z.string(), cause: z.string() }),
  output: z.strictObject({ deletedSnapshotCount: z.int().nonnegative() }),
  environment: catalog.extend(owner.shape),
})

// revert-machine

/** `{"machine":"i-…"}` reverts to the latest complete point. */
export const revertInput = z
  .strictObject({ machine: machineId, point: pointId.optional(), undo: z.boolean().optional() })
  .refine((input) => !(input.undo && input.point), { error: 'give either point or undo, not both' })

export const planRevert = contract({
  name: 'PlanRevert',
  input: z.strictObject({ request: z.unknown(), run: runId, startedAt: instant }),
  output: z.strictObject({
    machine: machineId,
    revert: revertId,
    diskCount: z.int().positive(),
    wasRunning: z.boolean(),
  }),
  environment: catalog.extend(policies.shape).extend(owner.shape),
})

export const createVolumes = contract({
  name: 'CreateVolumes',
  input: revertSubject,
  output: z.strictObject({ volumeCount: z.int().nonnegative() }),
  environment: catalog.extend(owner.shape),
})

/** A state of revert-machine that waits: it is told the token, and ends when somebody answers it. */
const revertWait = (name: string) =>
  contract({ name, input: revertSubject.extend({ token: taskToken }), output: nothing, environment: catalog })

export const awaitVolumes = revertWait('AwaitVolumes')

/** `forward` puts the incoming volumes in place, `back` the outgoing ones: the same tasks undo what they did. */
export const direction = z.enum(['forward', 'back'])
const swapStep = (name: string) =>
  contract({ name, input: revertSubject.extend({ direction }), output: nothing, environment: catalog })

export const stopMachine = swapStep('StopMachine')
export const awaitStopped = revertWait('AwaitStopped')
export const detachDisks = swapStep('DetachDisks')
export const attachDisks = swapStep('AttachDisks')
export const startMachine = swapStep('StartMachine')
export const awaitRunning = revertWait('AwaitRunning')
export const checkMachine = swapStep('CheckMachine')

export const finishRevert = contract({
  name: 'FinishRevert',
  input: revertSubject,
  output: z.strictObject({ revert: revertId, undoUntil: instant, replacedVolumeCount: z.int().nonnegative() }),
  environment: catalog.extend(policies.shape).extend(owner.shape),
})

export const discardRevert = contract({
  name: 'DiscardRevert',
  /** `revert` and `machine` are null when the failure came before they were known. */
  input: z.strictObject({
    machine: machineId.nullable(),
    run: runId,
    revert: revertId.nullable(),
    error: z.string(),
    cause: z.string(),
  }),
  output: z.strictObject({ deletedVolumeCount: z.int().nonnegative() }),
  environment: catalog.extend(policies.shape).extend(owner.shape),
})

/** Not a state: the Lambda behind the EventBridge rule. It has no output that anybody reads. */
export const wakeWaits = contract({
  name: 'WakeWaits',
  input: z.object({
    source: z.string(),
    'detail-type': z.string(),
    resources: z.array(z.string()),
    detail: z.record(z.string(), z.unknown()),
  }),
  output: z.strictObject({ endedWaitCount: z.int().nonnegative() }),
  environment: catalog,
})

export const TASKS = {
  'protect-fleet': [discoverMachines, summarizeFleet],
  'protect-machine': [
    inspectMachine,
    readMounts,
    reservePoint,
    createSnapshots,
    awaitSnapshots,
    completePoint,
    copying.planCopies,
    discardPoint,
  ],
  'copy-point': [
    copying.planCopy,
    copying.copyDisk,
    copying.runProxy,
    copying.endProxies,
    copying.verifyCopy,
    copying.commitCopy,
    copying.discardCopy,
  ],
  'recover-point': [
    recovering.planRecovery,
    recovering.startSnapshots,
    recovering.writeSnapshot,
    recovering.runRecoveryProxy,
    copying.endProxies,
    awaitSnapshots,
    completePoint,
    recovering.discardRecovery,
  ],
  'expire-copies': [expiring.planExpiry, expiring.expireVault],
  'revert-machine': [
    planRevert,
    createVolumes,
    awaitVolumes,
    stopMachine,
    awaitStopped,
    detachDisks,
    attachDisks,
    startMachine,
    awaitRunning,
    checkMachine,
    finishRevert,
    discardRevert,
  ],
} as const
