/** The packs that a copy may refer to: each has a number, by which threads name it, until its index part is written. */
import { randomBytes } from 'node:crypto'
import { writeIndexPart, type IndexedPack } from '../format/index-part.ts'
import { indexName } from '../format/names.ts'
import { PACK_ID_BYTES } from '../format/parameters.ts'
import { writeObject, type Vault } from '../vault.ts'
import type { IdTable } from './id-table.ts'
import type { KnownBlocks } from './known-blocks.ts'
import { knownPacks } from './known-packs.ts'
import { COUNTER, type Report } from './protocol.ts'

/** Packs of one index part: some 250 KiB of entries. */
export const PACKS_PER_PART = 64

export class PacksOfRun {
  readonly #vault: Vault
  readonly #ids: IdTable
  /** Packs that could be used when the run began have lower numbers. */
  readonly #firstNew: number
  readonly #unindexed: IndexedPack[] = []

  /** @param usable packs that may be used; becomes this object's */
  constructor(vault: Vault, counters: SharedArrayBuffer, usable: IdTable) {
    this.#vault = vault
    this.#ids = usable
    this.#firstNew = usable.end
    Atomics.store(new Int32Array(counters), COUNTER.packs, usable.end)
  }

  /** Makes the blocks of all usable packs known, as far as memory allows. */
  async learn(known: KnownBlocks): Promise<void> {
    for await (const { pack, footer, indexed } of knownPacks(this.#vault, this.#ids, () => known.isFull)) {
      known.learn(footer, pack)
      if (indexed) continue
      this.#unindexed.push({ id: this.#ids.idOf(pack), footer })
      await this.writeIndex(PACKS_PER_PART)
    }
  }

  /** Number of a pack that was there before; undefined when it must not be used. */
  numberOf(packId: Buffer): number | undefined {
    const number = this.#ids.numberOf(packId)
    return number !== undefined && number < this.#firstNew ? number : undefined
  }

  idOf(number: number): Buffer {
    return this.#ids.idOf(number)
  }

  /** A thread has written a pack. */
  written({ number, packId, footer }: Extract<Report, { kind: 'pack' }>): void {
    const id = Buffer.from(packId)
    this.#ids.set(number, id)
    this.#unindexed.push({ id, footer: Buffer.from(footer) })
  }

  /** Writes index parts while at least so many packs have none; 0: for all. */
  async writeIndex(atLeast: number): Promise<void> {
    while (this.#unindexed.length > 0 && this.#unindexed.length >= atLeast) {
      const packs = this.#unindexed.splice(0, PACKS_PER_PART)
      await writeObject(this.#vault, indexName(randomBytes(PACK_ID_BYTES)), writeIndexPart(packs))
    }
  }
}
