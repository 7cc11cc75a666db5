/** One thread of a copy: reads blocks, leaves out zeros and what is known, and fills packs with the rest. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { VaultStore } from '../../core/vault-store.ts'
import { blockCheck, blockId, vaultKeys, type VaultKeys } from '../format/keys.ts'
import { PackWriter, type Place } from '../format/pack.ts'
import { BLOCK_BYTES, blockCountOf } from '../format/parameters.ts'
import { packBlock } from '../format/zstd.ts'
import { release } from '../release.ts'
import type { BlockSource } from '../sources/block-source.ts'
import { FileSource } from '../sources/file-source.ts'
import { WritesUnderWay } from '../writes-under-way.ts'
import { DiskWindow } from './disk-window.ts'
import { KnownBlocks } from './known-blocks.ts'
import { COUNTER, SUM, type CopySetup, type Report, type WindowOrder } from './protocol.ts'

const ZEROS = Buffer.alloc(BLOCK_BYTES)
/** Packs that are made durable while the next one fills. */
const FINISHED_AT_ONCE = 2

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
    while (!this.#packs.isAbandoned) {
      const first = Atomics.add(this.#counters, COUNTER.next, this.#source.batchBlocks)
      if (first >= total) break
      const count = Math.min(this.#source.batchBlocks, total - first)
      await this.#batchOf(order, first, count)
      await this.#keepBelowLimit()
    }
    await this.#packs.flush()
    this.#report({ kind: 'done' })
  }

  /** Gives up what is under way, and leaves nothing unfinished in the vault. */
  abandon(): Promise<void> {
    return this.#packs.abandon()
  }

  /** Not while work is under way. */
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
    const { place, pack } = await this.#packs.add(id, block)
    if (claim.kind === 'new') this.#known.stored(claim.record, place, pack)
    this.#window.setLocated(at, { id, check }, place, pack)
    this.#count(SUM.fresh, BLOCK_BYTES)
    this.#count(SUM.stored, place.length)
    // Packs that are being finished take their next step, of which an upload needs dozens.
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
  readonly #keys: VaultKeys
  readonly #setup: CopySetup
  readonly #report: (report: Report) => void
  readonly #store: VaultStore
  readonly #finishing = new WritesUnderWay(FINISHED_AT_ONCE)
  readonly #unfinished = new Set<PackWriter>()
  #open: OpenPack | undefined
  #isAbandoned = false

  constructor(setup: CopySetup, keys: VaultKeys, store: VaultStore, report: (report: Report) => void) {
    this.#setup = setup
    this.#report = report
    this.#store = store
    this.#keys = keys
  }

  async add(id: Buffer, block: Buffer): Promise<{ readonly place: Place; readonly pack: number }> {
    this.#open ??= await this.#begin()
    const { writer, number } = this.#open
    const packed = packBlock(block)
    const place = await writer.add(id, packed)
    if (packed !== block) release(packed)
    if (writer.isFull) this.#finish(this.#open)
    return { place, pack: number }
  }

  /** Finishes the open pack, however little is in it. Resolves when all are in the vault. */
  async flush(): Promise<void> {
    if (this.#open) this.#finish(this.#open)
    await this.#finishing.flush()
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  /** Leaves nothing that is not finished; nothing can be added any more. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    await Promise.all(Array.from(this.#unfinished, (writer) => writer.discard()))
  }

  async #begin(): Promise<OpenPack> {
    await this.#finishing.room()
    const writer = await PackWriter.begin(this.#keys, this.#store, this.#setup.packBytes)
    this.#unfinished.add(writer)
    if (this.#isAbandoned) await this.abandon()
    return { writer, number: Atomics.add(new Int32Array(this.#setup.counters), COUNTER.packs, 1) }
  }

  #finish({ writer, number }: OpenPack): void {
    this.#open = undefined
    this.#finishing.start(async () => {
      const footer = await writer.finish()
      this.#unfinished.delete(writer)
      this.#report({ kind: 'pack', number, packId: writer.packId, footer })
    })
  }
}

interface OpenPack {
  readonly writer: PackWriter
  readonly number: number
}
