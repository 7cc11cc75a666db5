/**
 * The ends of disks. A disk is a file, and a file would grow: a guest may write no further into any file than its largest disk is
 * long (EFBIG, where a block device says ENOSPC), and what it writes past the end of a smaller one is cut off before anybody looks.
 */
import { execFileSync } from 'node:child_process'
import { statSync, truncateSync } from 'node:fs'
import type { GuestDisk } from '../ec2/instances/guest.ts'

export const KIB = 1024

/** How long a file a process of the guest may write, in KiB, as `ulimit -f` counts. */
export const fileLimitKiB = (disks: readonly GuestDisk[]): number =>
  Math.ceil(Math.max(0, ...disks.map(({ sizeBytes }) => sizeBytes)) / KIB)

/**
 * Before a script in bash: nothing that it starts may write past the end of the largest disk, and whoever tries is told so
 * instead of being killed.
 */
export const withFileLimit = (disks: readonly GuestDisk[]): string =>
  disks.length === 0 ? '' : `ulimit -S -f ${fileLimitKiB(disks)}; trap '' XFSZ; `

/** Lets processes that run already write as far as a larger disk goes that has come since. */
export function raiseFileLimit(pids: readonly number[], limitKiB: number): void {
  for (const pid of pids) {
    try {
      execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limitKiB * KIB}:`], { stdio: 'ignore' })
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Cuts off what was written past the ends of the disks. Returns those that it was written to. */
export function trim(disks: readonly GuestDisk[]): GuestDisk[] {
  return disks.filter(({ path, sizeBytes }) => {
    const isLonger = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > sizeBytes
    if (isLonger) truncateSync(path, sizeBytes)
    return isLonger
  })
}
