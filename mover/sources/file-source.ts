import { closeSync, openSync, readSync } from 'node:fs'
import { TandemError } from '../../core/errors.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { reasonOf } from '../system-errors.ts'
import type { BlockSource } from './block-source.ts'

/** A block device or file. @throws TandemError DiskUnreadable */
export class FileSource implements BlockSource {
  /** 8 × 512 KiB = 4 MiB a read. */
  readonly batchBlocks = 8
  readonly #path: string
  readonly #sizeBytes: number
  readonly #file: number

  constructor(path: string, sizeBytes: number) {
    this.#path = path
    this.#sizeBytes = sizeBytes
    this.#file = openDisk(path)
  }

  async read(firstBlock: number, count: number, into: Buffer): Promise<number> {
    const start = firstBlock * BLOCK_BYTES
    const length = Math.min(count * BLOCK_BYTES, this.#sizeBytes - start)
    let done = 0
    while (done < length) {
      const read = this.#readAt(start + done, into.subarray(done, length))
      if (read === 0)
        throw new TandemError(
          'DiskUnreadable',
          `${this.#path} ends at byte ${start + done}, before its ${this.#sizeBytes} bytes: it has shrunk while it was read.`,
        )
      done += read
    }
    into.fill(0, length, count * BLOCK_BYTES)
    return length
  }

  close(): void {
    closeSync(this.#file)
  }

  #readAt(position: number, into: Buffer): number {
    try {
      return readSync(this.#file, into, 0, into.length, position)
    } catch (cause) {
      throw new TandemError('DiskUnreadable', `${this.#path} cannot be read at byte ${position}: ${reasonOf(cause)}.`, {
        cause,
      })
    }
  }
}

function openDisk(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new TandemError('DiskUnreadable', `${path} cannot be opened: ${reasonOf(cause)}.`, { cause })
  }
}
