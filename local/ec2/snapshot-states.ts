/** pending → completed or error: for one snapshot, and for all of a CreateSnapshots together (AWS facts A.1, A.2). */
import { emitSetNotification, emitSnapshotNotification } from './events.ts'
import type { Account, Snapshot, Volume } from './model.ts'

export interface PendingSnapshot {
  readonly snapshot: Snapshot
  readonly volume: Volume
  /** Ends in error, as planned. */
  readonly fails: boolean
}

/** Snapshots that end together; `notifies` for those of a CreateSnapshots. */
interface SnapshotSet {
  readonly members: readonly Snapshot[]
  readonly notifies: boolean
}

export function forget(account: Account, snapshot: Snapshot): void {
  account.snapshots.delete(snapshot.id)
  account.disks.remove(snapshot.path)
}

function end(account: Account, snapshot: Snapshot, state: 'completed' | 'error', cause = ''): void {
  snapshot.state = state
  emitSnapshotNotification(account, snapshot, cause)
  if (snapshot.deleted) forget(account, snapshot)
}

/** One failed member takes the whole set with it, those included that had completed. */
function failSet(account: Account, { members, notifies }: SnapshotSet, failed: Snapshot): void {
  const cause = `Snapshot ${failed.id} is in status error`
  end(account, failed, 'error', 'An internal error has occurred.')
  for (const member of members) if (member.state !== 'error') end(account, member, 'error', cause)
  if (notifies) emitSetNotification(account, members, cause)
}

function onDue(account: Account, { snapshot, volume, fails }: PendingSnapshot, set: SnapshotSet): void {
  // The slot on the volume is free only now, even if the snapshot was deleted or has failed before (AWS facts A.2).
  volume.pendingSnapshots -= 1
  if (snapshot.state !== 'pending') return
  if (fails) {
    failSet(account, set, snapshot)
    return
  }
  end(account, snapshot, 'completed')
  if (set.notifies && set.members.every(({ state }) => state === 'completed')) emitSetNotification(account, set.members)
}

/** Lets new snapshots complete, each in its own time. */
export function letComplete(account: Account, pending: readonly PendingSnapshot[], notifies: boolean): void {
  const set: SnapshotSet = { members: pending.map(({ snapshot }) => snapshot), notifies }
  for (const member of pending)
    account.clock.after(member.snapshot.completesMs - account.clock.now(), () => onDue(account, member, set))
}
