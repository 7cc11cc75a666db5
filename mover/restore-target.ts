/** What a copy is written to. */
import { open, stat } from 'node:fs/promises'
import { TandemError } from '../core/errors.ts'
import { readMap } from './blocks-of-copy.ts'
import { deviceSize } from './disk-file.ts'
import type { DiskManifest } from './format/manifest.ts'
import { reasonOf } from './system-errors.ts'
import { BLOCK_BYTES, SEGMENT_BLOCKS, blockCountOf } from './format/parameters.ts'
import type { Vault } from './vault.ts'

export interface RestoreTarget {
  readonly isDevice: boolean
  /** Writes zeros to all blocks that a copy does not have. */
  clearBetween(vault: Vault, manifest: DiskManifest): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a device, or makes a sparse file of the disk's size in place of whatever file is there.
 * @throws TandemError DiskUnwritable
 */
export async function prepareTarget(path: string, sizeBytes: number): Promise<RestoreTarget> {
  const found = await stat(path).catch(() => undefined)
  const isDevice = found?.isBlockDevice() ?? false
  if (found && isDevice) await requireSize(path, found.rdev, sizeBytes)
  if (!isDevice) await makeSparse(path, sizeBytes)
  const file = await open(path, 'r+').catch(failing(path, 'opened for writing'))
  return {
    isDevice,
    async clearBetween(vault, manifest) {
      const zeros = Buffer.alloc(BLOCK_BYTES)
      const segments = new Map(manifest.segments)
      const blockCount = blockCountOf(sizeBytes)
      for (let number = 0; number * SEGMENT_BLOCKS < blockCount; number += 1) {
        const id = segments.get(number)
        const entries = id === undefined ? [] : await readMap(vault, manifest.disk, number, id)
        const present = new Set(entries.map(({ block }) => block))
        const first = number * SEGMENT_BLOCKS
        for (let block = first; block < Math.min(first + SEGMENT_BLOCKS, blockCount); block += 1) {
          if (present.has(block - first)) continue
          const start = block * BLOCK_BYTES
          await file
            .write(zeros, 0, Math.min(BLOCK_BYTES, sizeBytes - start), start)
            .catch(failing(path, `written at byte ${start} (block ${block})`))
        }
      }
    },
    sync: () => file.datasync().catch(failing(path, 'brought to stable storage')),
    close: () => file.close(),
  }
}

async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, 'w').catch(failing(path, 'opened for writing'))
  await file.truncate(sizeBytes).catch(failing(path, `made ${sizeBytes} bytes long`))
}

/** Says of an error of the system what could not be done. */
const failing =
  (path: string, what: string) =>
  (cause: unknown): never => {
    throw new TandemError('DiskUnwritable', `${path} cannot be ${what}: ${reasonOf(cause)}.`, { cause })
  }

async function requireSize(path: string, device: number, sizeBytes: number): Promise<void> {
  const roomBytes = await deviceSize(path, device)
  if (roomBytes < sizeBytes)
    throw new TandemError(
      'DiskUnwritable',
      `${path} has ${roomBytes} bytes, and the disk ${sizeBytes}: choose a larger one.`,
    )
}
