import { closeSync, constants, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { TandemError } from '../../core/errors.ts'
import { DIRECT, isNotDirect, PAGE_BYTES, pageBuffer } from '../direct-io.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { release } from '../release.ts'
import { reasonOf } from '../system-errors.ts'
import { WritesUnderWay } from '../writes-under-way.ts'
import type { BlockSink } from './block-sink.ts'

const writeAsync = promisify(write)

/** Blocks that are being written while the next are read and opened. */
const WRITES_AT_ONCE = 4

/** A block device, or a file that is there, written past the page cache where that can be. @throws TandemError DiskUnwritable */
export class FileSink implements BlockSink {
  readonly #path: string
  readonly #sizeBytes: number
  readonly #file: number
  /** The same file, opened for writing whole pages; undefined where that cannot be. */
  readonly #direct: number | undefined
  readonly #free: Buffer[] = []
  readonly #writes = new WritesUnderWay(WRITES_AT_ONCE)

  constructor(path: string, sizeBytes: number) {
    this.#path = path
    this.#sizeBytes = sizeBytes
    this.#file = openTarget(path)
    this.#direct = openDirectly(path)
  }

  async write(block: number, bytes: Uint8Array): Promise<void> {
    const start = block * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES, this.#sizeBytes - start)
    const direct = this.#direct
    if (direct === undefined || length % PAGE_BYTES !== 0) {
      this.#writeAt(start, bytes.subarray(0, length))
      return release(bytes)
    }
    await this.#writes.room()
    const page = this.#free.pop() ?? pageBuffer(BLOCK_BYTES)
    page.set(bytes)
    release(bytes)
    this.#writes.start(() =>
      this.#writeDirectly(direct, start, page.subarray(0, length)).finally(() => this.#free.push(page)),
    )
  }

  flush(): Promise<void> {
    return this.#writes.flush()
  }

  /** Not before all writes have ended, also after a failure: the number of a closed file may be another file's next. */
  close(): void {
    void this.#closeAfterWrites()
  }

  async #closeAfterWrites(): Promise<void> {
    await this.#writes.ended()
    closeSync(this.#file)
    if (this.#direct !== undefined) closeSync(this.#direct)
  }

  async #writeDirectly(file: number, start: number, bytes: Uint8Array): Promise<void> {
    let done = 0
    try {
      while (done < bytes.length)
        done += (await writeAsync(file, bytes, done, bytes.length - done, start + done)).bytesWritten
    } catch (error) {
      if (!isNotDirect(error)) throw this.#unwritable(start + done, error)
      this.#writeAt(start + done, bytes.subarray(done))
    }
  }

  #writeAt(start: number, bytes: Uint8Array): void {
    let done = 0
    try {
      while (done < bytes.length) done += writeSync(this.#file, bytes, done, bytes.length - done, start + done)
    } catch (error) {
      throw this.#unwritable(start + done, error)
    }
  }

  #unwritable(position: number, cause: unknown): TandemError {
    const block = Math.floor(position / BLOCK_BYTES)
    return new TandemError(
      'DiskUnwritable',
      `${this.#path} cannot be written at byte ${position} (block ${block}): ${reasonOf(cause)}.`,
      { cause },
    )
  }
}

function openTarget(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch (cause) {
    throw new TandemError('DiskUnwritable', `${path} cannot be opened for writing: ${reasonOf(cause)}.`, { cause })
  }
}

function openDirectly(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | DIRECT)
  } catch {
    return undefined // its file system has no such thing
  }
}
