/** Snapshot locks: governance, and compliance with its cool-off time (AWS facts A.8). */
import type {
  DescribeLockedSnapshotsRequest,
  DescribeLockedSnapshotsResult,
  LockSnapshotRequest,
  LockSnapshotResult,
  LockState,
  LockedSnapshotsInfo,
  UnlockSnapshotRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { emitLock } from '../events.ts'
import { filterBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { SNAPSHOT, findAll } from '../ids.ts'
import type { SnapshotLock } from './model.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from './model.ts'
import { pageOf } from '../paging.ts'
import { invalidValue, operation, required } from '../request.ts'
import { ownSnapshot } from './shares.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const COOL_OFF_HOURS = { min: 1, max: 72 }
const DURATION_DAYS = { min: 1, max: 36_500 }

function stateOf({ mode, coolOffEndsMs, expiresMs }: SnapshotLock, nowMs: number): LockState {
  if (expiresMs !== undefined && nowMs >= expiresMs) return 'expired'
  if (mode === 'compliance' && coolOffEndsMs !== undefined && nowMs < coolOffEndsMs) return 'compliance-cooloff'
  return mode
}

/** Whether nobody may delete the snapshot now. */
export const isLocked = ({ clock }: Account, { lock }: Snapshot): boolean =>
  lock !== undefined && stateOf(lock, clock.now()) !== 'expired'

/** The duration runs from the completion of the snapshot; of one that is completed already, from the locking. */
export function beginLock(account: Account, snapshot: Snapshot): void {
  const { lock } = snapshot
  if (!lock) return
  lock.startsMs = account.clock.now()
  lock.expiresMs = lock.startsMs + lock.durationDays * DAY_MS
  resumeLock(account, snapshot)
}

/** A snapshot that failed is not locked any more. */
export function cancelLock(snapshot: Snapshot): void {
  snapshot.lock = undefined
}

/** Tells of the ends of a lock when they come. */
export function resumeLock(account: Account, snapshot: Snapshot): void {
  const { lock } = snapshot
  const { clock } = account
  if (!lock) return
  const at = (dueMs: number | undefined, event: 'cooloffperiodExpiry' | 'lockDurationExpiry'): void => {
    if (dueMs === undefined || dueMs <= clock.now()) return
    clock.after(
      dueMs - clock.now(),
      () => {
        if (snapshot.lock === lock) emitLock(account, snapshot, event)
      },
      { background: true },
    )
  }
  at(lock.coolOffEndsMs, 'cooloffperiodExpiry')
  at(lock.expiresMs, 'lockDurationExpiry')
}

function durationOf(request: LockSnapshotRequest, nowMs: number): number {
  const { LockDuration, ExpirationDate } = request
  if ((LockDuration === undefined) === (ExpirationDate === undefined))
    throw new AwsError('InvalidParameterCombination', 'Give either lockDuration or expirationDate.')
  const days = LockDuration ?? ((ExpirationDate?.getTime() ?? 0) - nowMs) / DAY_MS
  if (days < DURATION_DAYS.min || days > DURATION_DAYS.max)
    throw invalidValue(`A lock lasts from ${DURATION_DAYS.min} to ${DURATION_DAYS.max} days.`)
  return days
}

function coolOffOf({ LockMode: mode, CoolOffPeriod: hours }: LockSnapshotRequest): number | undefined {
  if (hours === undefined) return undefined
  if (mode !== 'compliance')
    throw new AwsError('InvalidParameterCombination', 'coolOffPeriod is for the compliance mode only.')
  if (hours < COOL_OFF_HOURS.min || hours > COOL_OFF_HOURS.max)
    throw invalidValue(`coolOffPeriod is from ${COOL_OFF_HOURS.min} to ${COOL_OFF_HOURS.max} hours.`)
  return hours
}

const notPermitted = (message: string): AwsError => new AwsError('OperationNotPermitted', message)

/** After the cool-off time a compliance lock can only be made longer (AWS facts A.8). */
function checkMayChange(present: SnapshotLock | undefined, wanted: SnapshotLock, nowMs: number): void {
  if (!present || stateOf(present, nowMs) !== 'compliance') return
  const isLonger = (wanted.expiresMs ?? Infinity) >= (present.expiresMs ?? Infinity)
  if (wanted.mode !== 'compliance' || wanted.coolOffHours !== undefined || !isLonger)
    throw notPermitted('A snapshot that is locked in compliance mode can only be locked for longer.')
}

function lockSnapshot(account: Account, request: LockSnapshotRequest): LockSnapshotResult {
  const nowMs = account.clock.now()
  const snapshot = ownSnapshot(account, required(request.SnapshotId, 'snapshotId'))
  if (snapshot.state !== 'pending' && snapshot.state !== 'completed')
    throw new AwsError('IncorrectState', `The snapshot '${snapshot.id}' is in the '${snapshot.state}' state.`)
  const mode = required(request.LockMode, 'lockMode')
  const durationDays = durationOf(request, nowMs)
  const coolOffHours = coolOffOf(request)
  const isCompleted = snapshot.state === 'completed'
  const lock: SnapshotLock = {
    mode,
    createdMs: nowMs,
    durationDays,
    ...(coolOffHours === undefined ? {} : { coolOffHours, coolOffEndsMs: nowMs + coolOffHours * HOUR_MS }),
    ...(isCompleted ? { startsMs: nowMs, expiresMs: nowMs + durationDays * DAY_MS } : {}),
  }
  checkMayChange(snapshot.lock, lock, nowMs)
  snapshot.lock = lock
  resumeLock(account, snapshot)
  emitLock(account, snapshot, 'lockSnapshot')
  return toOutput(account, snapshot, lock)
}

function unlockSnapshot(account: Account, request: UnlockSnapshotRequest): object {
  const snapshot = ownSnapshot(account, required(request.SnapshotId, 'snapshotId'))
  const state = snapshot.lock && stateOf(snapshot.lock, account.clock.now())
  if (state === undefined) throw new AwsError('SnapshotLock.NotFound', `The snapshot '${snapshot.id}' is not locked.`)
  if (state === 'compliance')
    throw notPermitted(`The snapshot '${snapshot.id}' is locked in compliance mode and cannot be unlocked.`)
  snapshot.lock = undefined
  return { SnapshotId: snapshot.id }
}

const date = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms))

const toOutput = ({ clock, accountId }: Account, { id }: Snapshot, lock: SnapshotLock): LockedSnapshotsInfo => ({
  OwnerId: accountId,
  SnapshotId: id,
  LockState: stateOf(lock, clock.now()),
  LockDuration: Math.ceil(lock.durationDays),
  CoolOffPeriod: lock.coolOffHours,
  CoolOffPeriodExpiresOn: date(lock.coolOffEndsMs),
  LockCreatedOn: new Date(lock.createdMs),
  LockDurationStartTime: date(lock.startsMs),
  LockExpiresOn: date(lock.expiresMs),
})

function describeLockedSnapshots(
  account: Account,
  request: DescribeLockedSnapshotsRequest,
): DescribeLockedSnapshotsResult {
  const filters: FilterValues<Snapshot> = {
    'lock-state': ({ lock }) => lock && stateOf(lock, account.clock.now()),
  }
  const ids = request.SnapshotIds?.length ? request.SnapshotIds : undefined
  const passes = filterBy(request.Filters, filters)
  const page = pageOf(
    ids ? findAll(SNAPSHOT, account.snapshots, ids) : account.snapshots.values(),
    request,
    (snapshot) => snapshot.lock !== undefined && passes(snapshot),
    ids && 'snapshotIdSet',
  )
  return {
    Snapshots: page.items.flatMap((snapshot) => (snapshot.lock ? toOutput(account, snapshot, snapshot.lock) : [])),
    NextToken: page.nextToken,
  }
}

export const lockOperations = (account: Account): Operations => ({
  LockSnapshot: operation<LockSnapshotRequest>(
    ['SnapshotId', 'LockMode', 'CoolOffPeriod', 'LockDuration', 'ExpirationDate'],
    (input) => lockSnapshot(account, input),
  ),
  UnlockSnapshot: operation<UnlockSnapshotRequest>(['SnapshotId'], (input) => unlockSnapshot(account, input)),
  DescribeLockedSnapshots: operation<DescribeLockedSnapshotsRequest>(
    ['Filters', 'MaxResults', 'NextToken', 'SnapshotIds'],
    (input) => describeLockedSnapshots(account, input),
  ),
})
