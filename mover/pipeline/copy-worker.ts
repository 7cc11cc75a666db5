/** One thread of a copy: reads blocks, leaves out zeros and what is known, and fills packs with the rest. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { VaultStore } from '../../core/vault-store.ts'
import { blockCheck, blockId, vaultKeys, type VaultKeys } from '../format/keys.ts'
import { packName } from '../format/names.ts'
import { PackWriter } from '../format/pack.ts'
import { BLOCK_BYTES, blockCountOf } from '../format/parameters.ts'
import type { BlockSource } from '../sources/block-source.ts'
import { FileSource } from '../sources/file-source.ts'
import { DiskWindow } from './disk-window.ts'
import { KnownBlocks } from './known-blocks.ts'
import { COUNTER, SUM, type CopySetup, type Report, type WindowOrder } from './protocol.ts'

const ZEROS = Buffer.alloc(BLOCK_BYTES)
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
  readonly #source: BlockSource
  readonly #batch: Buffer
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
    const { source, sizeBytes } = setup
    this.#source = typeof source === 'string' ? new FileSource(source, sizeBytes) : source
    this.#batch = Buffer.allocUnsafeSlow(Math.min(this.#source.batchBlocks, blockCountOf(sizeBytes)) * BLOCK_BYTES)
  }

  async work(order: WindowOrder): Promise<void> {
    const total = order.list?.length ?? order.blockCount
    for (;;) {
      const first = Atomics.add(this.#counters, COUNTER.next, this.#source.batchBlocks)
      if (first >= total) break
      const count = Math.min(this.#source.batchBlocks, total - first)
      await this.#batchOf(order, first, count)
      await this.#keepBelowLimit()
    }
    await this.#packs.flush()
    this.#report({ kind: 'done' })
  }

  close(): void {
    this.#source.close()
  }

  async #batchOf(order: WindowOrder, first: number, count: number): Promise<void> {
    const blockAt = (index: number): number => order.list?.[first + index] ?? first + index
    const reads: Promise<void>[] = []
    for (let index = 0; index < count;) {
      // A run of neighbours is one read.
      let length = 1
      while (index + length < count && blockAt(index + length) === blockAt(index) + length) length += 1
      reads.push(this.#read(order.firstBlock + blockAt(index), index, length))
      index += length
    }
    await Promise.all(reads)
    for (let index = 0; index < count; index += 1)
      await this.#take(blockAt(index), this.#batch.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES))
    // I/O under way takes its next step: a thread that computes never waits otherwise.
    await nextTurn()
  }

  async #read(firstBlock: number, place: number, count: number): Promise<void> {
    const into = this.#batch.subarray(place * BLOCK_BYTES, (place + count) * BLOCK_BYTES)
    this.#count(SUM.read, await this.#source.read(firstBlock, count, into))
  }

  /** @param at within the window */
  async #take(at: number, block: Buffer): Promise<void> {
    if (block.equals(ZEROS)) {
      this.#window.setZero(at)
      this.#count(SUM.zero, BLOCK_BYTES)
      return
    }
    const check = blockCheck(this.#keys, block)
    if (this.#window.has(at, check)) return this.#count(SUM.known, BLOCK_BYTES)
    const id = blockId(this.#keys, block)
    const claim = this.#known.claim(id)
    if (claim.kind === 'known') {
      this.#window.setAsKnown(at, { id, check }, claim.record)
      return this.#count(SUM.known, BLOCK_BYTES)
    }
    const located = await this.#packs.add(id, block)
    if (claim.kind === 'new') this.#known.stored(claim.record, located)
    this.#window.setLocated(at, { id, check }, located)
    this.#count(SUM.fresh, BLOCK_BYTES)
    this.#count(SUM.stored, located.length)
    // Writes under way take their next step, of which a pack needs dozens.
    await nextTurn()
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
  /** Made when they are needed: each has memory for a whole pack. */
  readonly #writers: PackWriter[] = []
  /** Writes under way, by the writer whose memory they read. */
  readonly #writing: Promise<void>[] = []
  readonly #keys: VaultKeys
  readonly #setup: CopySetup
  readonly #report: (report: Report) => void
  readonly #store: VaultStore
  #open = 0
  #number: number | undefined

  constructor(setup: CopySetup, keys: VaultKeys, store: VaultStore, report: (report: Report) => void) {
    this.#setup = setup
    this.#report = report
    this.#store = store
    this.#keys = keys
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
    return (this.#writers[this.#open] ??= new PackWriter(this.#keys, this.#setup.packBytes))
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
