/**
 * Records in memory that threads share, 64 bytes each, one cache line: where a block is. Two tables are made of them: what the
 * vault is known to hold (by id), and what a part of the disk consists of (by place).
 */
import type { Place } from '../format/pack.ts'
import { ID_BYTES } from '../format/parameters.ts'

export const RECORD_BYTES = 64
const WORDS = RECORD_BYTES / 4
const PACK = 8
const OFFSET = 9
const LENGTH = 10
const ORDINAL = 11
const STATE = 12

/** Where a block is; `pack` is a number that the run gives to each pack. */
export interface Located extends Place {
  readonly pack: number
}

export class Records {
  readonly words: Int32Array
  readonly #bytes: Buffer

  /** @param count as many as there is memory for, unless told */
  constructor(memory: SharedArrayBuffer, count = memory.byteLength / RECORD_BYTES) {
    this.words = new Int32Array(memory, 0, count * WORDS)
    this.#bytes = Buffer.from(memory)
  }

  get count(): number {
    return this.words.length / WORDS
  }

  state(index: number): number {
    return Atomics.load(this.words, index * WORDS + STATE)
  }

  setState(index: number, state: number): void {
    Atomics.store(this.words, index * WORDS + STATE, state)
  }

  /** Whether the state was `from`, and is `to` now. */
  exchangeState(index: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, index * WORDS + STATE, from, to) === from
  }

  id(index: number): Buffer {
    return this.#bytes.subarray(index * RECORD_BYTES, index * RECORD_BYTES + ID_BYTES)
  }

  /** From where it is among other bytes: it needs no buffer of its own. */
  setId(index: number, bytes: Buffer, at = 0): void {
    bytes.copy(this.#bytes, index * RECORD_BYTES, at, at + ID_BYTES)
  }

  hasId(index: number, bytes: Buffer, at: number): boolean {
    const here = index * RECORD_BYTES
    return this.#bytes.compare(bytes, at, at + ID_BYTES, here, here + ID_BYTES) === 0
  }

  located(index: number): Located {
    const at = index * WORDS
    return {
      pack: this.words[at + PACK] ?? 0,
      offset: this.words[at + OFFSET] ?? 0,
      length: this.words[at + LENGTH] ?? 0,
      ordinal: this.words[at + ORDINAL] ?? 0,
    }
  }

  setLocated(index: number, { offset, length, ordinal }: Place, pack: number): void {
    const at = index * WORDS
    this.words[at + PACK] = pack
    this.words[at + OFFSET] = offset
    this.words[at + LENGTH] = length
    this.words[at + ORDINAL] = ordinal
  }
}
