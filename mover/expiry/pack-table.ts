/** What an expiry knows of every pack, in so little memory that the packs of a large vault fit a Lambda. */
import type { StoredObject } from '../../core/vault-store.ts'
import { packName } from '../format/names.ts'
import { PACK_ID_BYTES } from '../format/parameters.ts'
import { IdTable } from '../pipeline/id-table.ts'
import { BitSets } from './bit-sets.ts'

const FIRST_PACKS = 1024

/**
 * Packs by numbers from 0 on: those that are in the vault, and those that are gone and of which records are needed. For each
 * some 60 bytes, and a bit for each record: which records are **live**, needed by a copy, and which this run has moved. Where a
 * live record is and what it is stands in the footer of its pack, which is read again for the few packs that are repacked.
 */
export class PackTable {
  readonly #ids = new IdTable()
  #sizes = new Float64Array(FIRST_PACKS)
  /** 0: not in the vault. */
  #writtenMs = new Float64Array(FIRST_PACKS)
  #liveBytes = new Float64Array(FIRST_PACKS)
  #liveCounts = new Uint32Array(FIRST_PACKS)
  readonly #live = new BitSets()
  readonly #moved = new BitSets()

  /** A pack that is in the vault. */
  list(id: Uint8Array, { sizeBytes, writtenMs }: StoredObject): void {
    const pack = this.#ensure(id)
    this.#sizes[pack] = sizeBytes
    this.#writtenMs[pack] = writtenMs
  }

  /** Notes that a record is needed; whether that is new. @param length of the record, with its tag */
  markLive(id: Uint8Array, ordinal: number, length: number): boolean {
    const pack = this.#ensure(id)
    if (!this.#live.add(pack, ordinal)) return false
    this.#liveBytes[pack] = (this.#liveBytes[pack] ?? 0) + length
    this.#liveCounts[pack] = (this.#liveCounts[pack] ?? 0) + 1
    return true
  }

  /** Notes that this run has moved a record of a pack that is there. */
  markMoved(pack: number, ordinal: number): void {
    this.#moved.add(pack, ordinal)
  }

  isMoved(pack: number, ordinal: number): boolean {
    return this.#moved.has(pack, ordinal)
  }

  /** undefined: neither is it there nor is a record of it needed. */
  numberOf(id: Uint8Array): number | undefined {
    return id.length === PACK_ID_BYTES ? this.#ids.numberOf(id) : undefined
  }

  /** A copy: the table may grow. */
  idOf(pack: number): Buffer {
    return Buffer.from(this.#ids.idOf(pack))
  }

  /** Whether it was in the vault when the packs were listed. */
  isThere(id: Uint8Array): boolean {
    const pack = this.numberOf(id)
    return pack !== undefined && this.objectOf(pack) !== undefined
  }

  /** As it was listed; undefined when the pack is gone. */
  objectOf(pack: number): StoredObject | undefined {
    const writtenMs = this.#writtenMs[pack] ?? 0
    if (writtenMs === 0) return undefined
    return { name: packName(this.#ids.idOf(pack)), sizeBytes: this.#sizes[pack] ?? 0, writtenMs }
  }

  /** Packs that are in the vault. */
  *listed(): Iterable<{ readonly pack: number; readonly object: StoredObject }> {
    for (let pack = 0; pack < this.#ids.end; pack += 1) {
      const object = this.objectOf(pack)
      if (object) yield { pack, object }
    }
  }

  liveCountOf(pack: number): number {
    return this.#liveCounts[pack] ?? 0
  }

  liveBytesOf(pack: number): number {
    return this.#liveBytes[pack] ?? 0
  }

  /** Ordinals, ascending. */
  liveOf(pack: number): number[] {
    return this.#live.members(pack)
  }

  /** What it takes, but for the table of the ids. */
  get byteLength(): number {
    return [this.#sizes, this.#writtenMs, this.#liveBytes, this.#liveCounts, this.#live, this.#moved].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    )
  }

  #ensure(id: Uint8Array): number {
    const known = this.#ids.numberOf(id)
    if (known !== undefined) return known
    const pack = this.#ids.end
    this.#ids.add(id)
    if (pack >= this.#sizes.length) this.#grow()
    return pack
  }

  #grow(): void {
    const length = 2 * this.#sizes.length
    const longer = (array: Float64Array): Float64Array<ArrayBuffer> => {
      const found = new Float64Array(length)
      found.set(array)
      return found
    }
    this.#sizes = longer(this.#sizes)
    this.#writtenMs = longer(this.#writtenMs)
    this.#liveBytes = longer(this.#liveBytes)
    const counts = new Uint32Array(length)
    counts.set(this.#liveCounts)
    this.#liveCounts = counts
  }
}
