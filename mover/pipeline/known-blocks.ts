/**
 * What the vault is known to hold, by block id: an open hash table in shared memory. Its size is bounded: when it is full,
 * further blocks are not remembered and are stored again when they come again, which is never wrong.
 */
import { FOOTER_ENTRY_BYTES, footerPlace, type Place } from '../format/pack.ts'
import { RECORD_BYTES, Records, type Located } from './records.ts'

/** 2^20 records: 64 MiB, 512 GiB of blocks. */
const RECORDS_MAX = 2 ** 20
const FILL = 0.7

const FREE = 0
/** Its id is being written by the thread that took the record. */
const TAKEN = 1
/** A thread stores the block: where it will be is not known yet. */
const STORING = 2
const STORED = 3

export type Claim =
  /** Nobody has stored it: whoever claimed it must, and must say where. */
  | { readonly kind: 'new'; readonly record: number }
  /** It is stored, or another thread of this run is storing it. */
  | { readonly kind: 'known'; readonly record: number }
  | { readonly kind: 'full' }

export class KnownBlocks {
  readonly #records: Records
  readonly #mask: number
  readonly #limit: number
  readonly #count: Int32Array

  /** Memory for about so many blocks. */
  static memory(blockCount: number): { readonly records: SharedArrayBuffer; readonly count: SharedArrayBuffer } {
    let size = 1024
    while (size < Math.min(RECORDS_MAX, blockCount / FILL)) size *= 2
    return { records: new SharedArrayBuffer(size * RECORD_BYTES), count: new SharedArrayBuffer(4) }
  }

  constructor(memory: { readonly records: SharedArrayBuffer; readonly count: SharedArrayBuffer }) {
    this.#records = new Records(memory.records)
    this.#mask = this.#records.count - 1
    this.#limit = Math.floor(this.#records.count * FILL)
    this.#count = new Int32Array(memory.count)
  }

  get isFull(): boolean {
    return Atomics.load(this.#count, 0) >= this.#limit
  }

  /** @param at where the id is among these bytes */
  claim(bytes: Buffer, at = 0): Claim {
    let record = bytes.readInt32LE(at) & this.#mask
    for (;;) {
      if (this.#records.state(record) === FREE) {
        if (this.isFull) return { kind: 'full' }
        if (this.#records.exchangeState(record, FREE, TAKEN)) {
          Atomics.add(this.#count, 0, 1)
          this.#records.setId(record, bytes, at)
          this.#records.setState(record, STORING)
          return { kind: 'new', record }
        }
      }
      while (this.#records.state(record) === TAKEN); // for the few instructions that writing an id takes
      if (this.#records.hasId(record, bytes, at)) return { kind: 'known', record }
      record = (record + 1) & this.#mask
    }
  }

  /** Says where a claimed block is. */
  stored(record: number, place: Place, pack: number): void {
    this.#records.setLocated(record, place, pack)
    this.#records.setState(record, STORED)
  }

  /** Remembers the blocks of a pack, but those that are known, until the table is full. */
  learn(footer: Buffer, pack: number): void {
    for (let ordinal = 0; ordinal * FOOTER_ENTRY_BYTES < footer.length; ordinal += 1) {
      const claim = this.claim(footer, ordinal * FOOTER_ENTRY_BYTES)
      if (claim.kind === 'new') this.stored(claim.record, footerPlace(footer, ordinal), pack)
    }
  }

  /** Where a block is; undefined while it is being stored. */
  located(record: number): Located | undefined {
    return this.#records.state(record) === STORED ? this.#records.located(record) : undefined
  }
}
