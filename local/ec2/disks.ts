/** The bytes: volumes and snapshots are sparse files. */
import { closeSync, mkdirSync, openSync, realpathSync, statSync, truncateSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { Copier } from './copier.ts'

const GIB = 1024 ** 3
const STAT_BLOCK_BYTES = 512

/** What has been written to a file: bytes (holes excluded), and when last. */
export interface Written {
  readonly bytes: number
  readonly modifiedMs: number
}

export class Disks {
  readonly #clock: Clock
  readonly #directory: string
  readonly #copier = new Copier()
  /** Copies under way by the file that they read. */
  readonly #reading = new Map<string, Set<Promise<unknown>>>()
  readonly #working = new Set<Promise<unknown>>()

  constructor(clock: Clock, directory: string) {
    this.#clock = clock
    mkdirSync(directory, { recursive: true })
    this.#directory = realpathSync(directory)
  }

  pathOf(id: string): string {
    return join(this.#directory, id)
  }

  createEmpty(path: string, sizeGiB: number): void {
    closeSync(openSync(path, 'wx'))
    truncateSync(path, sizeGiB * GIB)
  }

  /** Copies a whole file, grown to `sizeGiB` if that is more. Holds the clock. */
  copy(source: string, target: string, sizeGiB?: number): Promise<void> {
    const copying = this.#track(async () => {
      await this.#copier.copy(source, target)
      if (sizeGiB !== undefined) truncateSync(target, sizeGiB * GIB)
    })
    const readers = this.#reading.get(source) ?? new Set()
    this.#reading.set(source, readers.add(copying))
    const leave = (): void => {
      readers.delete(copying)
      if (readers.size === 0) this.#reading.delete(source)
    }
    copying.then(leave, leave)
    return copying
  }

  /** Resolves when no copy reads this file any more. */
  async unread(path: string): Promise<void> {
    const readers = this.#reading.get(path)
    if (readers) await Promise.allSettled(readers)
  }

  /** Removes a file once nothing reads it any more. */
  remove(path: string): void {
    const removing = this.#track(async () => {
      await this.unread(path)
      await rm(path, { force: true })
    })
    removing.catch(() => {}) // a directory that is gone already holds nothing to remove
  }

  writtenTo(path: string): Written {
    const stat = statSync(path)
    return { bytes: stat.blocks * STAT_BLOCK_BYTES, modifiedMs: stat.mtimeMs }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#working)
    await this.#copier.close()
  }

  #track<Result>(work: () => Promise<Result>): Promise<Result> {
    const working = this.#clock.holding(work)
    this.#working.add(working)
    const leave = (): void => void this.#working.delete(working)
    working.then(leave, leave)
    return working
  }
}
