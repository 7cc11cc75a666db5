/**
 * A part of the disk under work, and what each of its blocks is. Work goes window by window, so that memory does not grow with
 * the disk.
 */
import type { Place } from '../format/pack.ts'
import { CHECK_BYTES, SEGMENT_BLOCKS } from '../format/parameters.ts'
import type { BlockDigests, SegmentEntry } from '../format/segment.ts'
import type { KnownBlocks } from './known-blocks.ts'
import { RECORD_BYTES, Records } from './records.ts'

/** 32 GiB of disk, 5 MiB of memory. */
export const WINDOW_SEGMENTS = 32
export const WINDOW_BLOCKS = WINDOW_SEGMENTS * SEGMENT_BLOCKS

const ZERO = 0
const LOCATED = 1
/** It is where a record of the known blocks says; that may be known only at the window's end. */
const AS_KNOWN = 2
const NOWHERE: Place = { ordinal: 0, offset: 0, length: 0 }

export class DiskWindow {
  readonly #records: Records
  /** Behind the records. */
  readonly #checks: Buffer

  static memory(blockCount: number): SharedArrayBuffer {
    return new SharedArrayBuffer(Math.min(blockCount, WINDOW_BLOCKS) * (RECORD_BYTES + CHECK_BYTES))
  }

  constructor(memory: SharedArrayBuffer) {
    const count = memory.byteLength / (RECORD_BYTES + CHECK_BYTES)
    this.#records = new Records(memory, count)
    this.#checks = Buffer.from(memory, count * RECORD_BYTES)
  }

  clear(): void {
    this.#records.words.fill(0)
  }

  setZero(block: number): void {
    this.#records.setState(block, ZERO)
  }

  setLocated(block: number, digests: BlockDigests, place: Place, pack: number): void {
    this.#setDigests(block, digests)
    this.#records.setLocated(block, place, pack)
    this.#records.setState(block, LOCATED)
  }

  setAsKnown(block: number, digests: BlockDigests, record: number): void {
    this.#setDigests(block, digests)
    this.#records.setLocated(block, NOWHERE, record)
    this.#records.setState(block, AS_KNOWN)
  }

  /** Whether the window says already that the block of this check is here. */
  has(block: number, check: Buffer): boolean {
    const at = block * CHECK_BYTES
    return (
      this.#records.state(block) === LOCATED && this.#checks.compare(check, 0, CHECK_BYTES, at, at + CHECK_BYTES) === 0
    )
  }

  /** Entries of one segment of the window, which see what it holds: good until it changes. @throws Error when a block that was claimed has never been stored */
  entries(segment: number, known: KnownBlocks, packIdOf: (pack: number) => Buffer): SegmentEntry[] {
    const entries: SegmentEntry[] = []
    const first = segment * SEGMENT_BLOCKS
    const end = Math.min(first + SEGMENT_BLOCKS, this.#records.count)
    for (let block = first; block < end; block += 1) {
      const state = this.#records.state(block)
      if (state === ZERO) continue
      const here = this.#records.located(block)
      const located = state === AS_KNOWN ? known.located(here.pack) : here
      if (!located) throw new Error(`Block ${block} of the window was claimed and never stored.`)
      const { pack, ...place } = located
      entries.push({
        ...place,
        block: block - first,
        packId: packIdOf(pack),
        id: this.#records.id(block),
        check: this.#checks.subarray(block * CHECK_BYTES, (block + 1) * CHECK_BYTES),
      })
    }
    return entries
  }

  #setDigests(block: number, { id, check }: BlockDigests): void {
    this.#records.setId(block, id)
    this.#checks.set(check, block * CHECK_BYTES)
  }
}
