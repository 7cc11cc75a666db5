/** The packs that a copy may refer to: each has a number, by which threads name it, until its index part is written. */
import { randomBytes } from 'node:crypto'
import { writeIndexPart, type IndexedPack } from '../format/index-part.ts'
import { indexName } from '../format/names.ts'
import { PACK_ID_BYTES } from '../format/parameters.ts'
import { writeObject, type Vault } from '../vault.ts'
import type { KnownBlocks } from './known-blocks.ts'
import { knownPacks } from './known-packs.ts'
import { COUNTER, type Report } from './protocol.ts'

/** Packs of one index part: some 250 KiB of entries. */
export const PACKS_PER_PART = 64

export class PacksOfRun {
  readonly #vault: Vault
  readonly #counters: Int32Array
  readonly #usable: ReadonlySet<string>
  readonly #ids: Buffer[] = []
  readonly #numbers = new Map<string, number>()
  readonly #unindexed: IndexedPack[] = []

  /** @param usable ids in hexadecimal of the packs that may be used */
  constructor(vault: Vault, counters: SharedArrayBuffer, usable: ReadonlySet<string>) {
    this.#vault = vault
    this.#counters = new Int32Array(counters)
    this.#usable = usable
  }

  /** Makes the blocks of all usable packs known, as far as memory allows. */
  async learn(known: KnownBlocks): Promise<void> {
    for await (const { id, entries, indexed } of knownPacks(this.#vault, this.#usable, () => known.isFull)) {
      const pack = this.#number(id)
      for (const entry of entries) known.learn(entry.id, { ...entry, pack })
      if (!indexed) this.#unindexed.push({ id, entries })
    }
  }

  /** Number of a pack; undefined when it must not be used. */
  numberOf(packId: Buffer): number | undefined {
    return this.#usable.has(packId.toString('hex')) ? this.#number(packId) : undefined
  }

  idOf(number: number): Buffer {
    const id = this.#ids[number]
    if (!id) throw new RangeError(`There is no pack ${number} in this run.`)
    return id
  }

  /** A thread has written a pack. */
  written({ number, packId, entries }: Extract<Report, { kind: 'pack' }>): void {
    const id = Buffer.from(packId)
    this.#ids[number] = id
    this.#numbers.set(id.toString('hex'), number)
    this.#unindexed.push({
      id,
      entries: entries.map((entry, ordinal) => ({ ...entry, ordinal, id: Buffer.from(entry.id) })),
    })
  }

  /** Writes index parts while at least so many packs have none; 0: for all. */
  async writeIndex(atLeast: number): Promise<void> {
    while (this.#unindexed.length > 0 && this.#unindexed.length >= atLeast) {
      const packs = this.#unindexed.splice(0, PACKS_PER_PART)
      await writeObject(this.#vault, indexName(randomBytes(PACK_ID_BYTES)), writeIndexPart(packs))
    }
  }

  #number(packId: Buffer): number {
    const name = packId.toString('hex')
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = Atomics.add(this.#counters, COUNTER.packs, 1)
    this.#ids[number] = Buffer.from(packId)
    this.#numbers.set(name, number)
    return number
  }
}
