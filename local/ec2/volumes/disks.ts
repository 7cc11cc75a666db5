/** The bytes: volumes and snapshots are sparse files. */
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync, truncateSync } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { BLOCK_BYTES, listBlocks, readBlock } from './blocks.ts'
import type { BlockList, Extent } from './blocks.ts'
import { Copier } from '../snapshots/copier.ts'

const GIB = 1024 ** 3
/** Lists of blocks that are kept; any can be made again from its file. */
const LISTS_MAX = 64

export class Disks {
  readonly #clock: Clock
  readonly #directory: string
  readonly #copier = new Copier()
  /** Copies under way by the file that they read. */
  readonly #reading = new Map<string, Set<Promise<unknown>>>()
  readonly #working = new Set<Promise<unknown>>()
  /** Of files that do not change any more, the least recently asked for first. */
  readonly #lists = new Map<string, Promise<BlockList>>()

  constructor(clock: Clock, directory: string) {
    this.#clock = clock
    mkdirSync(directory, { recursive: true })
    this.#directory = realpathSync(directory)
  }

  pathOf(id: string): string {
    return join(this.#directory, id)
  }

  /** Sees to it that a disk has a file. One that was never written has none until somebody needs it. */
  materialise(path: string, sizeGiB: number): string {
    if (!existsSync(path)) {
      closeSync(openSync(path, 'wx'))
      truncateSync(path, sizeGiB * GIB)
    }
    return path
  }

  /** Makes the disk as large as this, if it has a file. */
  grow(path: string, sizeGiB: number): void {
    if (existsSync(path) && statSync(path).size < sizeGiB * GIB) truncateSync(path, sizeGiB * GIB)
  }

  /** Copies a whole file, grown to `sizeGiB` if that is more; without a file there is none to copy. Holds the clock. */
  copy(source: string, target: string, sizeGiB?: number): Promise<void> {
    return this.#reads(source, async () => {
      if (!existsSync(source)) return
      await this.#copier.copy(source, target)
      if (sizeGiB !== undefined) truncateSync(target, sizeGiB * GIB)
    })
  }

  /** The blocks of a file that does not change any more. Holds the clock. */
  blocks(path: string): Promise<BlockList> {
    const list = this.#lists.get(path) ?? this.#reads(path, () => listBlocks(path, () => this.#extents(path)))
    this.#lists.delete(path)
    this.#lists.set(path, list)
    list.catch(() => this.#lists.delete(path))
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > LISTS_MAX && oldest !== undefined) this.#lists.delete(oldest)
    return list
  }

  /** Holds the clock. */
  readBlock(path: string, index: number): Promise<Uint8Array> {
    return this.#reads(path, () => readBlock(path, index))
  }

  /** Writes one block of a file that is there. Holds the clock. */
  writeBlock(path: string, index: number, block: Uint8Array): Promise<void> {
    return this.#track(async () => {
      await using file = await open(path, 'r+')
      await file.write(block, 0, BLOCK_BYTES, index * BLOCK_BYTES)
    })
  }

  /** Resolves when no copy reads this file any more. */
  async unread(path: string): Promise<void> {
    const readers = this.#reading.get(path)
    if (readers) await Promise.allSettled(readers)
  }

  /** Removes a file once nothing reads it any more. */
  remove(path: string): void {
    this.#lists.delete(path)
    const removing = this.#track(async () => {
      await this.unread(path)
      await rm(path, { force: true })
    })
    removing.catch(() => {}) // a directory that is gone already holds nothing to remove
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#working)
    await this.#copier.close()
  }

  /** Where the file has data, in order; undefined: not known. */
  async #extents(path: string): Promise<readonly Extent[] | undefined> {
    // Of its own: an account that is closed may still read one when another goes on with its folder.
    const map = `${path}.${randomUUID()}.map`
    await this.#copier.map(path, map)
    const lines = (await readFile(map, 'utf8')).split('\n').filter((line) => line !== '')
    await rm(map)
    const extents = lines.map((line) => {
      const [offset = 0, size = 0] = line.split(' ').map(Number)
      return { offset, size }
    })
    return lines.length > 0 ? extents.filter(({ size }) => size > 0) : undefined
  }

  #reads<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
    const reading = this.#track(work)
    const readers = this.#reading.get(path) ?? new Set()
    this.#reading.set(path, readers.add(reading))
    const leave = (): void => {
      readers.delete(reading)
      if (readers.size === 0) this.#reading.delete(path)
    }
    reading.then(leave, leave)
    return reading
  }

  #track<Result>(work: () => Promise<Result>): Promise<Result> {
    const working = this.#clock.holding(work)
    this.#working.add(working)
    const leave = (): void => void this.#working.delete(working)
    working.then(leave, leave)
    return working
  }
}
