/** pending → completed or error: for one snapshot, and for all of a CreateSnapshots together (AWS facts A.1, A.2, A.6). */
import { BLOCK_BYTES, NO_BLOCKS, countChanged } from '../volumes/blocks.ts'
import { copyDelayMs, snapshotDelayMs } from '../delays.ts'
import { emitMissedDuration, emitSetNotification, emitSnapshotNotification } from '../events.ts'
import { beginLock, cancelLock, resumeLock } from './locks.ts'
import type { Account } from '../model.ts'
import type { PendingSnapshot, Snapshot, SnapshotSet } from './model.ts'

const MINUTE_MS = 60_000
const MIB = 1024 * 1024
const INTERNAL_ERROR = 'An internal error has occurred.'

export function forget(account: Account, snapshot: Snapshot): void {
  account.snapshots.delete(snapshot.id)
  account.disks.remove(snapshot.path)
}

/** What was deleted while it was pending goes now. */
export function end(account: Account, snapshot: Snapshot, state: 'completed' | 'error', cause = ''): void {
  snapshot.state = state
  if (cause !== '') snapshot.stateMessage = cause
  emitSnapshotNotification(account, snapshot, cause)
  if (state === 'completed') beginLock(account, snapshot)
  else cancelLock(snapshot)
  if (snapshot.deleted) forget(account, snapshot)
}

/** One failed member takes the whole set with it, those included that had completed. */
function failSet(account: Account, { members, notifies }: SnapshotSet, failed: Snapshot, failure: string): void {
  const cause = `Snapshot ${failed.id} is in status error`
  end(account, failed, 'error', failure)
  for (const member of members) if (member.state !== 'error') end(account, member, 'error', cause)
  if (notifies) emitSetNotification(account, members, cause)
}

function onDue(account: Account, pending: PendingSnapshot, failure: string | undefined): void {
  const { snapshot, volume, set } = pending
  // The slot on the volume is free only now, even if the snapshot was deleted or has failed before (AWS facts A.2).
  if (volume) volume.pendingSnapshots -= 1
  account.state.pendingSnapshots.delete(pending)
  if (snapshot.state !== 'pending') return
  if (failure !== undefined) {
    failSet(account, set, snapshot, failure)
    return
  }
  end(account, snapshot, 'completed')
  if (set.notifies && set.members.every(({ state }) => state === 'completed')) emitSetNotification(account, set.members)
}

/** Bytes of the blocks that differ from the snapshot that this one is incremental to; of all blocks where there is none. */
async function measure(account: Account, snapshot: Snapshot): Promise<number> {
  const { disks, snapshots } = account
  const blocks = await disks.blocks(snapshot.path)
  snapshot.fullBytes = blocks.indexes.length * BLOCK_BYTES
  const parent = snapshot.parentId === undefined ? undefined : snapshots.get(snapshot.parentId)
  return countChanged(parent ? await disks.blocks(parent.path) : NO_BLOCKS, blocks) * BLOCK_BYTES
}

/** How long a snapshot or copy takes follows from the bytes that must be moved for it (AWS facts A.3, A.6). */
function delayMs({ copyOf }: Snapshot, bytes: number): number {
  if (!copyOf) return snapshotDelayMs(bytes)
  const { timeBased } = copyOf
  if (!timeBased) return copyDelayMs(bytes)
  const transferMs = Math.ceil((bytes / MIB / timeBased.rate) * 1_000)
  const wantedMs = timeBased.minutes * MINUTE_MS
  return transferMs > wantedMs ? transferMs : Math.min(copyDelayMs(bytes), wantedMs)
}

/** The bytes of a copy, read where its source is. @throws Error when the source is gone */
async function fetchCopy(account: Account, { path, copyOf }: Snapshot): Promise<void> {
  if (!copyOf) return
  const owner = copyOf.accountId === account.accountId && copyOf.region === account.region ? account : undefined
  const source = owner ?? account.elsewhere(copyOf.accountId, copyOf.region)
  const snapshot = source?.snapshots.get(copyOf.snapshotId)
  if (!source || !snapshot) throw new Error(`The snapshot ${copyOf.snapshotId} is gone.`)
  await source.disks.copy(snapshot.path, path)
}

/** Finds out when the snapshot will be completed; false: its bytes cannot be read. */
async function prepare(account: Account, { snapshot }: PendingSnapshot): Promise<boolean> {
  if (snapshot.completesMs !== undefined) return true
  try {
    await fetchCopy(account, snapshot)
    snapshot.completesMs = snapshot.createdMs + delayMs(snapshot, await measure(account, snapshot))
    return true
  } catch {
    return false
  }
}

function schedule(account: Account, pending: PendingSnapshot, failure: string | undefined): void {
  const { snapshot } = pending
  const { clock } = account
  const completesMs = snapshot.completesMs ?? clock.now()
  const wanted = snapshot.copyOf?.timeBased
  const missedMs = wanted ? snapshot.createdMs + wanted.minutes * MINUTE_MS : Infinity
  if (completesMs > missedMs && missedMs > clock.now())
    clock.after(missedMs - clock.now(), () => emitMissedDuration(account, snapshot))
  clock.after(completesMs - clock.now(), () => onDue(account, pending, failure))
}

/** In the order of the members, however long each is looked at: a run repeats exactly. */
async function prepareAll(account: Account, pending: readonly PendingSnapshot[]): Promise<void> {
  const readable = await Promise.all(pending.map((member) => prepare(account, member)))
  for (const [index, member] of pending.entries())
    schedule(account, member, readable[index] ? member.failure : INTERNAL_ERROR)
}

function begin(account: Account, pending: readonly PendingSnapshot[]): void {
  for (const { volume } of pending) if (volume) volume.pendingSnapshots += 1
  void account.clock.holding(() => prepareAll(account, pending))
}

/** Lets new snapshots complete, each in its own time. */
export function letComplete(
  account: Account,
  members: readonly Omit<PendingSnapshot, 'set'>[],
  notifies: boolean,
): void {
  const set: SnapshotSet = { members: members.map(({ snapshot }) => snapshot), notifies }
  const pending = members.map((member): PendingSnapshot => ({ ...member, set }))
  for (const member of pending) account.state.pendingSnapshots.add(member)
  begin(account, pending)
}

/** Goes on with what was pending when the account was saved. */
export function resumeSnapshots(account: Account): void {
  begin(account, [...account.state.pendingSnapshots])
  for (const snapshot of account.snapshots.values()) resumeLock(account, snapshot)
}
