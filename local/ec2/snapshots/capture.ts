/** The point in time of snapshots: guests stand still, all disks are copied, guests go on. */
import { runOf } from '../model.ts'
import type { Account } from '../model.ts'
import type { Capture } from './model.ts'
import type { InstanceRun } from '../instances/model.ts'
import type { Volume } from '../volumes/model.ts'

/** Captures of one machine may overlap: the first pauses its guest, the last lets it go on. */
function pause(run: InstanceRun): void {
  run.pauses += 1
  if (run.pauses === 1) run.guest?.pause()
}

function resume(run: InstanceRun): void {
  run.pauses -= 1
  if (run.pauses === 0) run.guest?.resume()
}

export interface CapturePair {
  readonly volume: Volume
  readonly snapshotId: string
  readonly path: string
}

async function copyAll(account: Account, pairs: readonly CapturePair[]): Promise<void> {
  const copies = await Promise.allSettled(pairs.map(({ volume, path }) => account.disks.copy(volume.path, path)))
  const failed = copies.find((copy) => copy.status === 'rejected')
  if (!failed) return
  for (const { path } of pairs) account.disks.remove(path)
  throw failed.reason
}

interface Seen {
  readonly instanceId: string | undefined
  readonly pairs: readonly CapturePair[]
  readonly atMs: number
}

/** Observers read files: a disk that was never written gets one for them. */
function tellObservers({ captureObservers, disks }: Account, { instanceId, pairs, atMs }: Seen): void {
  if (captureObservers.length === 0) return
  const snapshots = pairs.map(({ snapshotId, volume, path }) => ({
    snapshotId,
    volumeId: volume.id,
    path: disks.materialise(path, volume.sizeGiB),
  }))
  const seen: Capture = { instanceId, snapshots, atMs }
  for (const observe of captureObservers) observe(seen)
}

async function captureWhilePaused(
  account: Account,
  holders: readonly InstanceRun[],
  pairs: readonly CapturePair[],
  instanceId: string | undefined,
): Promise<number> {
  await Promise.all(holders.map(({ guestChange }) => guestChange))
  for (const holder of holders) pause(holder)
  try {
    const atMs = account.clock.now()
    await copyAll(account, pairs)
    tellObservers(account, { instanceId, pairs, atMs })
    return atMs
  } finally {
    for (const holder of holders) resume(holder)
  }
}

/**
 * Copies the volumes to their snapshots' files, all at one instant: every guest that could write to one of them is paused
 * meanwhile. A volume that several instances share makes all of them stand still. Rejects when bytes cannot be copied; nothing
 * is left then. Resolves to the instant.
 */
export function capture(
  account: Account,
  pairs: readonly CapturePair[],
  instanceId: string | undefined,
): Promise<number> {
  const attachments = pairs.flatMap(({ volume }) => volume.attachments)
  const holders = [...new Set(attachments.map(({ instance }) => runOf(account, instance)))]
  const capturing = account.clock.holding(() => captureWhilePaused(account, holders, pairs, instanceId))
  for (const { captures } of holders) {
    captures.add(capturing)
    const leave = (): void => void captures.delete(capturing)
    capturing.then(leave, leave)
  }
  return capturing
}
