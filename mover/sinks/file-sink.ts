import { closeSync, openSync, writeSync } from 'node:fs'
import { TandemError } from '../../core/errors.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { reasonOf } from '../system-errors.ts'
import type { BlockSink } from './block-sink.ts'

/** A block device, or a file that is there. @throws TandemError DiskUnwritable */
export class FileSink implements BlockSink {
  readonly #path: string
  readonly #sizeBytes: number
  readonly #file: number

  constructor(path: string, sizeBytes: number) {
    this.#path = path
    this.#sizeBytes = sizeBytes
    this.#file = openTarget(path)
  }

  async write(block: number, bytes: Uint8Array): Promise<void> {
    const start = block * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES, this.#sizeBytes - start)
    try {
      for (let done = 0; done < length;) done += writeSync(this.#file, bytes, done, length - done, start + done)
    } catch (cause) {
      throw new TandemError(
        'DiskUnwritable',
        `${this.#path} cannot be written at byte ${start} (block ${block}): ${reasonOf(cause)}.`,
        { cause },
      )
    }
  }

  async flush(): Promise<void> {}

  close(): void {
    closeSync(this.#file)
  }
}

function openTarget(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch (cause) {
    throw new TandemError('DiskUnwritable', `${path} cannot be opened for writing: ${reasonOf(cause)}.`, { cause })
  }
}
