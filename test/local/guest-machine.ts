/** Guests with disks in a temporary folder, for the tests of what runs inside an instance. */
import { mkdtempSync, rmSync, truncateSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { autoClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import type { GuestDisk, GuestSpec } from '../../local/ec2/instances/guest.ts'
import { createGuests } from '../../local/guests/guests.ts'
import type { CommandResult, GuestProcess, Guests, GuestsOptions } from '../../local/guests/guests.ts'

export const INSTANCE_ID = 'i-0123456789abcdef0'
export const START_MS = Date.UTC(2026, 0, 1)
const DISK_BYTES = 64 * 1024 * 1024

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-guests-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function emptyDisk(folder: string, device: string, volumeId: string): GuestDisk {
  const path = join(folder, `${volumeId}.img`)
  writeFileSync(path, '')
  truncateSync(path, DISK_BYTES)
  return { device, volumeId, path, sizeBytes: DISK_BYTES }
}

export interface Machine {
  readonly clock: Clock
  readonly guests: Guests
  readonly root: GuestDisk
  readonly data: GuestDisk
  readonly spec: GuestSpec
}

/** A root and a data disk, and guests that are gone when the test is over. */
export function machine(
  userData?: string,
  options: Partial<GuestsOptions> & { tags?: Record<string, string> } = {},
): Machine {
  const folder = temporaryFolder()
  const clock = options.clock ?? autoClock(START_MS)
  const guests = createGuests({ directory: join(folder, 'guests'), ...options, clock })
  onTestFinished(async () => {
    await guests.close()
    clock.stop()
  })
  const root = emptyDisk(folder, '/dev/xvda', 'vol-0aaaaaaaaaaaaaaa1')
  const data = emptyDisk(folder, '/dev/sdf', 'vol-0aaaaaaaaaaaaaaa2')
  const spec: GuestSpec = {
    instanceId: INSTANCE_ID,
    imageId: 'ami-0123456789abcdef0',
    ...(userData === undefined ? {} : { userData }),
    disks: [root, data],
    tags: options.tags ?? {},
    privateIpAddress: '10.0.0.5',
  }
  return { clock, guests, root, data, spec }
}

export const sh = (guest: GuestProcess, command: string): Promise<CommandResult> =>
  guest.run(command, { timeoutMs: 20_000 })

/**
 * Resolves when `condition` holds, asked again when something has changed in the folder of `path`. It is asked outside of the
 * watch's callback: a condition that takes longer than the next change to come would keep the event loop in there for ever.
 */
export async function whenChanged(path: string, condition: () => boolean): Promise<void> {
  let change = Promise.withResolvers<void>()
  const watcher = watch(dirname(path), () => change.resolve())
  try {
    while (!condition()) {
      await change.promise
      await new Promise((done) => setImmediate(done))
      change = Promise.withResolvers()
    }
  } finally {
    watcher.close()
  }
}
