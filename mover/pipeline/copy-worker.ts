/** One thread of a copy: reads blocks, leaves out zeros and what is known, and fills packs with the rest. */
import { closeSync, openSync, readSync } from 'node:fs'
import { TandemError } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { blockId, vaultKeys, type VaultKeys } from '../format/keys.ts'
import { packName } from '../format/names.ts'
import { PackWriter } from '../format/pack.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { reasonOf } from '../system-errors.ts'
import { DiskWindow } from './disk-window.ts'
import { KnownBlocks } from './known-blocks.ts'
import { COUNTER, SUM, type CopySetup, type Report, type WindowOrder } from './protocol.ts'
import { collectYoung, nextTurn } from './turns.ts'

/** 8 × 512 KiB = 4 MiB a read. */
const BATCH_BLOCKS = 8
/** One fills while the other is written. */
const WRITERS = 2

export class CopyWorker {
  readonly #setup: CopySetup
  readonly #report: (report: Report) => void
  readonly #keys: VaultKeys
  readonly #known: KnownBlocks
  readonly #window: DiskWindow
  readonly #counters: Int32Array
  readonly #sums: BigInt64Array
  readonly #packs: Packs
  readonly #file: number
  readonly #batch = Buffer.alloc(BATCH_BLOCKS * BLOCK_BYTES)
  readonly #zeros = Buffer.alloc(BLOCK_BYTES)
  readonly #startedMs = performance.now()

  constructor(setup: CopySetup, store: VaultStore, report: (report: Report) => void) {
    this.#setup = setup
    this.#report = report
    this.#keys = vaultKeys(setup.masterKey, setup.vaultId)
    this.#known = new KnownBlocks(setup.known)
    this.#window = new DiskWindow(setup.window)
    this.#counters = new Int32Array(setup.counters)
    this.#sums = new BigInt64Array(setup.sums)
    this.#packs = new Packs(setup, this.#keys, store, report)
    this.#file = openDisk(setup.path)
  }

  async work(order: WindowOrder): Promise<void> {
    const total = order.list?.length ?? order.blockCount
    for (;;) {
      const first = Atomics.add(this.#counters, COUNTER.next, BATCH_BLOCKS)
      if (first >= total) break
      const count = Math.min(BATCH_BLOCKS, total - first)
      await this.#batchOf(order, first, count)
      await this.#keepBelowLimit()
    }
    await this.#packs.flush()
    this.#report({ kind: 'done' })
  }

  close(): void {
    closeSync(this.#file)
  }

  async #batchOf(order: WindowOrder, first: number, count: number): Promise<void> {
    const blockAt = (index: number): number => order.list?.[first + index] ?? first + index
    for (let index = 0; index < count;) {
      // A run of neighbours is one read.
      let length = 1
      while (index + length < count && blockAt(index + length) === blockAt(index) + length) length += 1
      this.#read(order.firstBlock + blockAt(index), length)
      for (let place = 0; place < length; place += 1) {
        const block = this.#batch.subarray(place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES)
        await this.#take(blockAt(index + place), block)
      }
      index += length
    }
    await nextTurn()
  }

  /** Reads neighbouring blocks; what is beyond the disk's end is zeros. */
  #read(firstBlock: number, count: number): void {
    const start = firstBlock * BLOCK_BYTES
    const length = Math.min(count * BLOCK_BYTES, this.#setup.sizeBytes - start)
    let done = 0
    while (done < length) {
      const read = readBytes(this.#file, this.#batch, done, length - done, start + done, this.#setup.path)
      if (read === 0)
        throw new TandemError(
          'DiskUnreadable',
          `${this.#setup.path} ends at byte ${start + done}, before its ${this.#setup.sizeBytes} bytes: it has shrunk while it was read.`,
        )
      done += read
    }
    this.#batch.fill(0, length, count * BLOCK_BYTES)
    this.#count(SUM.read, length)
  }

  /** @param at within the window */
  async #take(at: number, block: Buffer): Promise<void> {
    if (block.equals(this.#zeros)) {
      this.#window.setZero(at)
      this.#count(SUM.zero, BLOCK_BYTES)
      return
    }
    const id = blockId(this.#keys, block)
    if (this.#window.has(at, id)) return this.#count(SUM.known, BLOCK_BYTES)
    const claim = this.#known.claim(id)
    if (claim.kind === 'known') {
      this.#window.setAsKnown(at, id, claim.record)
      return this.#count(SUM.known, BLOCK_BYTES)
    }
    const located = await this.#packs.add(id, block)
    if (claim.kind === 'new') this.#known.stored(claim.record, located)
    this.#window.setLocated(at, id, located)
    this.#count(SUM.fresh, BLOCK_BYTES)
    this.#count(SUM.stored, located.length)
    collectYoung()
  }

  #count(sum: number, bytes: number): void {
    Atomics.add(this.#sums, sum, BigInt(bytes))
  }

  /** Waits while all threads together have read more than the limit allows by now. */
  async #keepBelowLimit(): Promise<void> {
    const { bytesPerSecond } = this.#setup
    if (bytesPerSecond === 0) return
    const dueMs = (Number(Atomics.load(this.#sums, SUM.read)) / bytesPerSecond) * 1000
    const aheadMs = dueMs - (performance.now() - this.#startedMs)
    if (aheadMs > 0) await new Promise((done) => setTimeout(done, aheadMs))
  }
}

/** The packs that a thread fills, one after the other. */
class Packs {
  readonly #writers: PackWriter[]
  /** Writes under way, by the writer whose memory they read. */
  readonly #writing: Promise<void>[]
  readonly #setup: CopySetup
  readonly #report: (report: Report) => void
  readonly #store: VaultStore
  #open = 0
  #number: number | undefined

  constructor(setup: CopySetup, keys: VaultKeys, store: VaultStore, report: (report: Report) => void) {
    this.#setup = setup
    this.#report = report
    this.#store = store
    this.#writers = Array.from({ length: WRITERS }, () => new PackWriter(keys))
    this.#writing = this.#writers.map(() => Promise.resolve())
  }

  async add(id: Buffer, block: Buffer) {
    const writer = this.#writer()
    if (this.#number === undefined) {
      await this.#writing[this.#open]
      if (writer.recordCount > 0) writer.reuse()
      this.#number = Atomics.add(new Int32Array(this.#setup.counters), COUNTER.packs, 1)
    }
    const pack = this.#number
    const place = writer.add(id, block)
    if (writer.isFull) this.#write()
    return { ...place, pack }
  }

  /** Writes the open pack, however little is in it. Resolves when all are in the vault. */
  async flush(): Promise<void> {
    if (this.#number !== undefined) this.#write()
    await Promise.all(this.#writing)
  }

  async #put(bytes: Uint8Array, pack: Extract<Report, { kind: 'pack' }>): Promise<void> {
    await this.#store.put(packName(pack.packId), bytes)
    this.#report(pack)
  }

  #writer(): PackWriter {
    const writer = this.#writers[this.#open]
    if (!writer) throw new RangeError('no such writer')
    return writer
  }

  #write(): void {
    const writer = this.#writer()
    const number = this.#number ?? 0
    const { packId, entries } = writer
    const writing = this.#put(writer.finish(), {
      kind: 'pack',
      number,
      packId,
      entries: entries.map(({ id, offset, length }) => ({ id, offset, length })),
    })
    writing.catch(() => {}) // seen by whoever awaits this writer next
    this.#writing[this.#open] = writing
    this.#open = (this.#open + 1) % WRITERS
    this.#number = undefined
  }
}

function openDisk(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new TandemError('DiskUnreadable', `${path} cannot be opened: ${reasonOf(cause)}.`, { cause })
  }
}

function readBytes(file: number, buffer: Buffer, at: number, length: number, position: number, path: string): number {
  try {
    return readSync(file, buffer, at, length, position)
  } catch (cause) {
    throw new TandemError('DiskUnreadable', `${path} cannot be read at byte ${position}: ${reasonOf(cause)}.`, {
      cause,
    })
  }
}
