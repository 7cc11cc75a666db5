/** The point in time of snapshots: guests stand still, all disks are copied, guests go on. */
import type { Written } from './disks.ts'
import type { Account, Capture, Instance, Volume } from './model.ts'

/** Captures of one machine may overlap: the first pauses its guest, the last lets it go on. */
function pause(instance: Instance): void {
  instance.pauses += 1
  if (instance.pauses === 1) instance.guest?.pause()
}

function resume(instance: Instance): void {
  instance.pauses -= 1
  if (instance.pauses === 0) instance.guest?.resume()
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

interface Captured {
  readonly atMs: number
  /** What is written to each of the volumes at that instant, in their order. */
  readonly written: readonly Written[]
}

async function captureWhilePaused(
  account: Account,
  holders: readonly Instance[],
  pairs: readonly CapturePair[],
  instanceId: string | undefined,
): Promise<Captured> {
  await Promise.all(holders.map((instance) => instance.guestChange))
  for (const instance of holders) pause(instance)
  try {
    const atMs = account.clock.now()
    await copyAll(account, pairs)
    const seen: Capture = {
      instanceId,
      snapshots: pairs.map(({ snapshotId, volume, path }) => ({ snapshotId, volumeId: volume.id, path })),
      atMs,
    }
    for (const observe of account.captureObservers) observe(seen)
    return { atMs, written: pairs.map(({ volume }) => account.disks.writtenTo(volume.path)) }
  } finally {
    for (const instance of holders) resume(instance)
  }
}

/**
 * Copies the volumes to their snapshots' files, all at one instant: every guest that could write to one of them is paused
 * meanwhile. A volume that several instances share makes all of them stand still. Rejects when bytes cannot be copied; nothing
 * is left then.
 */
export function capture(
  account: Account,
  pairs: readonly CapturePair[],
  instanceId: string | undefined,
): Promise<Captured> {
  const holders = [...new Set(pairs.flatMap(({ volume }) => volume.attachments.map(({ instance }) => instance)))]
  const capturing = account.clock.holding(() => captureWhilePaused(account, holders, pairs, instanceId))
  for (const instance of holders) {
    instance.captures.add(capturing)
    const leave = (): void => void instance.captures.delete(capturing)
    capturing.then(leave, leave)
  }
  return capturing
}
