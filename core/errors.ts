/**
 * Every way in which a task of Tandem can fail, by name. The literal `name` is the contract that state machines match on
 * (`ErrorEquals`), that `docs/runbook.md` explains, and that the CLI prints. The list is closed.
 *
 * Three kinds are thrown; a fourth, "already done", never is (functions named `ensure…` return).
 * - `wait`: the world is not ready; a retry profile of the state machines repeats the task.
 * - `lost`: this item cannot be done; somebody has to change something. The message says what.
 * - `bug`: ours. Never caught by name.
 */
export const ERROR_KINDS = {
  /** AWS asks us to slow down. Nothing was done. */
  AwsThrottled: 'wait',
  /** AWS failed (5xx), or no answer came: whether the call did its work is not known. */
  AwsUnavailable: 'wait',
  /** What was just made cannot be seen yet (AWS facts A.19). */
  NotVisibleYet: 'wait',
  /** Another run that is still alive holds the machine. */
  MachineBusy: 'wait',
  /** The instance is between two states. */
  MachineInTransition: 'wait',
  /** Volumes are still being detached or attached. */
  DisksStillMoving: 'wait',
  /** The instance runs, and its status checks have not passed yet. */
  MachineNotHealthyYet: 'wait',
  /** No host with room for the instance just now. */
  NoCapacity: 'wait',

  /** A proxy ended before it had reported: a spot interruption, a crash, its deadline. Its disks went with it. */
  ProxyLost: 'wait',

  InvalidInput: 'lost',
  PolicyFileInvalid: 'lost',
  PolicyUnknown: 'lost',
  MachineNotFound: 'lost',
  MachineTerminated: 'lost',
  MachineNotOptedIn: 'lost',
  RootNotOnEbs: 'lost',
  NoDiskInScope: 'lost',
  DiskLayoutChanged: 'lost',
  SnapshotFailed: 'lost',
  SnapshotMissing: 'lost',
  /** A snapshot takes no more blocks: an earlier try has completed it, or EBS has given it up. */
  SnapshotSealed: 'lost',
  PointNotFound: 'lost',
  PointOfAnotherMachine: 'lost',
  PointNotComplete: 'lost',
  NothingToUndo: 'lost',
  /** An earlier revert stopped half way, with another target: it has to be finished first. */
  RevertUnfinished: 'lost',
  VolumeFailed: 'lost',
  VolumeMissing: 'lost',
  StopProtected: 'lost',
  MachineInAutoScalingGroup: 'lost',
  SharedDiskInPoint: 'lost',
  MachineUnhealthy: 'lost',
  MachineDidNotStart: 'lost',
  AccessDenied: 'lost',
  QuotaExceeded: 'lost',
  /** There is no vault at that place, or no copy in it by that name and time. */
  VaultNotFound: 'lost',
  CopyNotFound: 'lost',
  /** There is a vault already where one was to be made. */
  VaultExists: 'lost',
  /** The key does not open this vault. */
  VaultKeyWrong: 'lost',
  /** An object of a vault is missing, or is not what was written. The message names object, disk and block. */
  VaultDamaged: 'lost',
  /** A disk or file cannot be read, or has changed its size while it was read. */
  DiskUnreadable: 'lost',
  /** A disk or file cannot be written: no space, no permission, too small. */
  DiskUnwritable: 'lost',
  /** Two snapshots have no common past, so that their differences cannot be listed. A copy is full then. */
  LineageBroken: 'lost',
  /** A record moved on while we worked from an older view of it: someone else does the same work. */
  LostRace: 'lost',

  /** A task answered what its contract does not allow, or a record does not parse. */
  ContractBroken: 'bug',
  /** AWS refused in a way that we do not know. */
  UnexpectedAwsError: 'bug',
} as const satisfies Record<string, 'wait' | 'lost' | 'bug'>

export type ErrorName = keyof typeof ERROR_KINDS
export type ErrorKind = (typeof ERROR_KINDS)[ErrorName]

/**
 * Names that only the state machines' own Fail states end with. A run that fails otherwise ends with the name of the error
 * that made it fail.
 */
export const RUN_FAILURES = [
  /** Some machines of a fleet run are not protected; the others are. */
  'FleetPartlyProtected',
  /** A revert failed, and so did putting the disks back: the machine needs a person. Nothing was deleted. */
  'RevertStuck',
  /** The machine is reverted and runs; only the bookkeeping is unfinished. The next revert of the machine finishes it. */
  'RevertNotRecorded',
  /** Some vaults could not be expired; the others are. Nothing that is needed was deleted. */
  'CopiesPartlyExpired',
] as const

/**
 * An error of the closed list. The message says what failed, on which object, and what to do.
 *
 * @example throw new TandemError('PointNotFound', `There is no point ${point}. List the points of a machine with: tandem points ${machine}`)
 */
export class TandemError<Name extends ErrorName = ErrorName> extends Error {
  override readonly name: Name

  constructor(name: Name, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = name
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.name]
  }
}

export const isTandemError = <Name extends ErrorName>(error: unknown, ...names: Name[]): error is TandemError<Name> =>
  error instanceof TandemError && (names.length === 0 || names.some((name) => name === error.name))
