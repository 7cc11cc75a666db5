import type {
  LedgerEntry,
  LockRecord,
  MachineConfiguration,
  MachineRecord,
  PointRecord,
  PointState,
  RevertRecord,
  RevertState,
  VolumeSpecification,
  WaitRecord,
} from './contracts/records.ts'
import type { Tags } from './tags.ts'

/**
 * What the tasks need of the world, as obligations. `aws/` fulfils them.
 *
 * Every method throws only errors of the closed list (core/errors.ts). Unless a method says otherwise, repeating it is
 * harmless: `ensure…` looks for what an earlier try made before it makes anything, and treats "already so" as done.
 */

/** The wall clock of whoever runs the task; ISO 8601 in UTC with milliseconds. */
export interface Clock {
  now(): string
}

export type PowerState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated'

export interface Attachment {
  readonly device: string
  readonly volume: string
  readonly deleteOnTermination: boolean
  /** `attached` is the only state at rest. */
  readonly state: 'attaching' | 'attached' | 'detaching' | 'detached' | 'busy'
}

/** An instance as EC2 describes it now. */
export interface ObservedMachine {
  readonly machine: string
  readonly power: PowerState
  /** Why it is in this state, e.g. `Client.UserInitiatedShutdown` or `Server.InsufficientInstanceCapacity`. */
  readonly stateReason?: string
  readonly tags: Tags
  readonly rootDeviceType: 'ebs' | 'instance-store'
  /** EBS attachments, root included. */
  readonly attachments: readonly Attachment[]
  readonly configuration: MachineConfiguration
}

export interface Machines {
  /** Every instance, running or stopped (or on the way between), that carries `tandem:policy=<policy>`; a page at a time, ids only. */
  optedIn(policy: string): AsyncIterable<readonly string[]>
  /** Every instance with the policy tag, whatever the policy: for `tandem machines`. */
  allOptedIn(): AsyncIterable<readonly ObservedMachine[]>
  /** Without user data, which costs a call of its own. Throws MachineNotFound. A terminated machine is found while EC2 still shows it. */
  observe(machine: string): Promise<ObservedMachine>
  /** Base64; absent when there is none. */
  userData(machine: string): Promise<string | undefined>
  /** Instance-store disks of an instance type, as `ephemeral0`, `ephemeral1`, …; an instance has them whether mounted or not. */
  instanceStoreDevices(instanceType: string): Promise<string[]>
  isStopProtected(machine: string): Promise<boolean>
  /** `starting`: checks have not finished, or EC2 shows none yet. */
  health(machine: string): Promise<'ok' | 'starting' | 'impaired'>
  /** Asks it to stop, or finds that it is stopping or stopped already. Throws StopProtected, MachineInTransition. */
  ensureStopping(machine: string): Promise<void>
  /** Asks it to start, or finds that it is starting or running already. Throws MachineInTransition, NoCapacity, MachineDidNotStart. */
  ensureStarting(machine: string): Promise<void>
  /** Asks for the detachment unless the volume is detached or on its way. Does not wait. */
  ensureDetaching(machine: string, volume: string): Promise<void>
  /** Asks for the attachment unless it is there. Throws DisksStillMoving while volume or device is still busy with another attachment. */
  ensureAttaching(machine: string, device: string, volume: string): Promise<void>
  /** Sets the DeleteOnTermination flag of each attached device. */
  setDeleteOnTermination(machine: string, flags: Readonly<Record<string, boolean>>): Promise<void>
}

export interface ObservedVolume {
  readonly volume: string
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'deleted' | 'error'
  readonly availabilityZone: string
  readonly specification: VolumeSpecification
  readonly attachedTo: readonly {
    readonly machine: string
    readonly device: string
    readonly state: Attachment['state']
  }[]
}

export interface NewVolume {
  readonly snapshot: string
  readonly availabilityZone: string
  readonly specification: VolumeSpecification
  readonly tags: Tags
  /** At most 64 characters; the same token makes the same volume. */
  readonly clientToken: string
}

export interface Volumes {
  /** In no particular order; a volume that EC2 does not know is left out. An empty list asks nothing. */
  observe(volumes: readonly string[]): Promise<ObservedVolume[]>
  /** Volumes that carry all these tags. */
  tagged(tags: Tags): Promise<ObservedVolume[]>
  /** The volume's id; the volume may still be `creating`. Throws VolumeFailed, SnapshotMissing, QuotaExceeded. */
  ensureCreated(volume: NewVolume): Promise<string>
  /** Gone is done. Never deletes an attached volume: DisksStillMoving while it is on its way off, VolumeFailed if attached. */
  ensureDeleted(volume: string): Promise<void>
  tag(volumes: readonly string[], tags: Tags): Promise<void>
  untag(volumes: readonly string[], keys: readonly string[]): Promise<void>
}

export interface ObservedSnapshot {
  readonly snapshot: string
  readonly volume: string
  readonly state: 'pending' | 'completed' | 'error' | 'recoverable' | 'recovering'
  readonly stateMessage?: string
  readonly progress?: string
  /** ISO 8601: the instant that it holds; the same, to the millisecond, for all members of a set. */
  readonly startedAt: string
  readonly sizeGiB: number
  readonly tags: Tags
}

export interface Snapshots {
  /** In no particular order; a snapshot that EC2 does not know is left out. An empty list asks nothing. */
  observe(snapshots: readonly string[]): Promise<ObservedSnapshot[]>
  tagged(tags: Tags): Promise<ObservedSnapshot[]>
  /**
   * One CreateSnapshots: all EBS volumes of the machine at one instant, except `exclude`. **Not repeatable** (AWS facts A.1): after
   * AwsUnavailable the caller must look (`tagged`) before it asks again. After any other error nothing was made.
   */
  createSet(
    machine: string,
    exclude: { readonly volumes: readonly string[]; readonly boot: boolean },
    tags: Tags,
    description: string,
  ): Promise<ObservedSnapshot[]>
  /** Gone is done. */
  ensureDeleted(snapshot: string): Promise<void>
}

/** `moved`: this call did it. `already`: an earlier try of the same run did. Anything else is LostRace. */
export type Advance = 'moved' | 'already'

export interface PointPage {
  readonly points: readonly PointRecord[]
  readonly next?: string
}

export interface Catalog {
  machine(machine: string): Promise<MachineRecord | undefined>
  machines(): AsyncIterable<readonly MachineRecord[]>
  /** Keeps `lastCompletePoint` of an earlier record. */
  putMachine(record: MachineRecord): Promise<void>
  /** Writes the point if it is not there; `already` when the same run has reserved it. */
  reservePoint(point: PointRecord & { state: 'reserved' }): Promise<Advance>
  point(machine: string, point: string): Promise<PointRecord | undefined>
  /** The point wherever it is: for telling "does not exist" from "is of another machine". */
  pointById(point: string): Promise<PointRecord | undefined>
  /** Newest first. */
  points(machine: string, options?: { readonly limit?: number; readonly after?: string }): Promise<PointPage>
  latestCompletePoint(machine: string): Promise<(PointRecord & { state: 'complete' }) | undefined>
  /**
   * Writes `to` if the stored point is of the same run and in one of the states `from`; `already` when it is in `to.state`.
   * Completing a point also moves the machine's `lastCompletePoint`, never backwards, in the same transaction.
   */
  advancePoint(from: readonly PointState[], to: PointRecord): Promise<Advance>
  /** Points and reverts that are not final, of every machine, oldest first. */
  openPoints(): AsyncIterable<readonly PointRecord[]>
  openReverts(): AsyncIterable<readonly RevertRecord[]>
  /** Only while its run holds the machine's lock: LostRace when another has taken it over. */
  startRevert(record: RevertRecord & { state: 'planned' }): Promise<Advance>
  revert(machine: string, revert: string): Promise<RevertRecord | undefined>
  /** Newest first. */
  reverts(machine: string): Promise<RevertRecord[]>
  advanceRevert(from: readonly RevertState[], to: RevertRecord): Promise<Advance>
  /** Hands an unfinished revert of a dead run over to a living one. LostRace when another was faster. */
  adoptRevert(record: RevertRecord, run: string): Promise<RevertRecord>
  /** Marks `revert` as undone by `by`. */
  markUndone(machine: string, revert: string, by: string): Promise<void>
}

/** One run at a time may change, or capture, a machine's disks. */
export interface Locks {
  /** Takes the lock, or finds it ours. Throws MachineBusy while another run that still lives has it; a dead owner's lock is taken over. */
  acquire(lock: LockRecord): Promise<void>
  /** Lets go if it is ours. */
  release(machine: string, owner: string): Promise<void>
  /** The live owner, if any. */
  owner(machine: string): Promise<string | undefined>
}

/** Everything that Tandem makes stands here from before the call that makes it until it is handed over or gone. */
export interface Ledger {
  open(entry: LedgerEntry): Promise<void>
  made(entry: Pick<LedgerEntry, 'run' | 'item'>, resource: string): Promise<void>
  close(entry: Pick<LedgerEntry, 'run' | 'item'>): Promise<void>
  ofRun(run: string): Promise<LedgerEntry[]>
  all(): AsyncIterable<readonly LedgerEntry[]>
}

/** Who waits for what. */
export interface Waits {
  register(waits: readonly WaitRecord[]): Promise<void>
  waitingFor(resource: string): Promise<WaitRecord[]>
  /** Removes every record of the token. */
  forget(waits: readonly WaitRecord[]): Promise<void>
}

/** Task tokens and executions of Step Functions. */
export interface Executions {
  /** `gone`: nobody waits with this token any more. */
  succeed(token: string, output: unknown): Promise<'sent' | 'gone'>
  fail(token: string, error: string, cause: string): Promise<'sent' | 'gone'>
  heartbeat(token: string): Promise<'sent' | 'gone'>
  isRunning(execution: string): Promise<boolean>
}

export type Workflow =
  | 'protect-fleet'
  | 'protect-machine'
  | 'revert-machine'
  | 'copy-point'
  | 'recover-point'
  | 'expire-copies'

export interface RunStatus {
  readonly state: 'running' | 'succeeded' | 'failed' | 'timed-out' | 'aborted'
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
}

/** Something that happened in a run; `event` is its place in the run's history, counted from 1. */
export type RunStep = { readonly event: number; /** ISO 8601. */ readonly at: string } & (
  | { readonly kind: 'entered'; readonly state: string }
  /** One try of a task failed. The state machine tries again, turns round or ends: what comes next tells. */
  | { readonly kind: 'failed'; readonly error: string; readonly cause: string }
)

/** Executions of Tandem's own state machines, as an operator starts and watches them. */
export interface Runs {
  /** ARN of the execution. Not repeatable: each call starts one. Throws InvalidInput when the deployment has no such state machine. */
  start(workflow: Workflow, input: unknown): Promise<string>
  describe(run: string): Promise<RunStatus>
  /** States entered and tries failed so far, oldest first; with `afterEvent` only what came after it in the history. */
  steps(run: string, afterEvent?: number): Promise<RunStep[]>
}

/** The machine from within, as far as it answers to SSM. */
export interface Guests {
  isReachable(machine: string): Promise<boolean>
  /** Runs a shell command; the id under which its result will be found. Repeating runs it again: read-only commands only. */
  run(machine: string, command: string, timeoutSeconds: number): Promise<string>
  result(
    machine: string,
    command: string,
  ): Promise<{ readonly state: 'running' | 'succeeded' | 'failed'; readonly output: string }>
}

/** Machine lists and run reports, too long to pass from state to state. */
export interface Reports {
  /** Writes a JSON array; returns how many items. Only the items' text is ever whole in memory. */
  writeList(
    key: string,
    items: AsyncIterable<readonly unknown[]>,
  ): Promise<{ readonly bucket: string; readonly key: string; readonly count: number }>
  readText(bucket: string, key: string): Promise<string>
}
