/** Writes the live records of packs into new ones (docs/vault-format.md, section 8, step 5). */
import { randomBytes, type KeyObject } from 'node:crypto'
import { TandemError } from '../../core/errors.ts'
import { tellDamage } from '../damage.ts'
import { writeIndexPart, type IndexedPack } from '../format/index-part.ts'
import { blockId } from '../format/keys.ts'
import { writeMoves, type Move, type NewPlace } from '../format/moved.ts'
import { indexName, movedName, packName } from '../format/names.ts'
import { footerEntries, openRecord, PackWriter, type FooterEntry } from '../format/pack.ts'
import { PACK_BYTES, PACK_ID_BYTES } from '../format/parameters.ts'
import { packBlock } from '../format/zstd.ts'
import { readFooter } from '../pipeline/known-packs.ts'
import { release } from '../release.ts'
import { writeObject, type Vault } from '../vault.ts'

export interface Repacking {
  readonly packId: Buffer
  /** Of the records that are to be moved. */
  readonly ordinals: readonly number[]
}

export interface Moved {
  readonly packId: Buffer
  readonly moves: readonly Move[]
}

/** Blocks are moved in batches of this many full packs: what a death costs. */
const BATCH_PACKS = 16

/**
 * Moves records, batch by batch: new packs, their index part, then where everything is now. `onMoved` is called for each pack when all of that is
 * in the vault. A pack of which the footer or a record cannot be read is left out.
 * @returns messages about those
 */
export async function repack(
  vault: Vault,
  repackings: AsyncIterable<Repacking>,
  {
    packBytes = PACK_BYTES,
    onMoved,
  }: { readonly packBytes?: number; readonly onMoved: (moved: Moved) => Promise<void> },
): Promise<string[]> {
  const damages: string[] = []
  let batch = new Batch(vault, packBytes)
  const finish = async (): Promise<void> => {
    for (const moved of await batch.finish()) await onMoved(moved)
    batch = new Batch(vault, packBytes)
  }
  try {
    for await (const repacking of repackings)
      try {
        await batch.add(repacking)
        if (batch.packCount >= BATCH_PACKS) await finish()
      } catch (error) {
        damages.push(tellDamage(error))
      }
    await finish()
  } finally {
    await batch.discard()
  }
  return damages
}

class Batch {
  readonly #vault: Vault
  readonly #packBytes: number
  readonly #packs: IndexedPack[] = []
  readonly #moved: Moved[] = []
  #writer: PackWriter | undefined

  constructor(vault: Vault, packBytes: number) {
    this.#vault = vault
    this.#packBytes = packBytes
  }

  get packCount(): number {
    return this.#packs.length
  }

  async add({ packId, ordinals }: Repacking): Promise<void> {
    const pack = { id: packId, key: this.#vault.keys.packKey(packId) }
    const records = footerEntries(await readFooter(this.#vault, packId))
    const moves: Move[] = []
    for (const ordinal of ordinals) {
      const record = records[ordinal]
      if (!record) throw this.#damaged(packId, ordinal, 'does not have all that copies need')
      const block = await this.#read(pack, record)
      moves.push({ from: record.ordinal, to: await this.#store(record.id, block) })
    }
    this.#moved.push({ packId, moves })
  }

  /** Writes what is left and where all is. */
  async finish(): Promise<readonly Moved[]> {
    await this.#finishPack()
    if (this.#packs.length > 0)
      await writeObject(this.#vault, indexName(randomBytes(PACK_ID_BYTES)), writeIndexPart(this.#packs))
    for (const { packId, moves } of this.#moved)
      await writeObject(this.#vault, movedName(packId, randomBytes(PACK_ID_BYTES)), writeMoves(moves))
    return this.#moved
  }

  /** Leaves nothing of a pack that is not finished. */
  async discard(): Promise<void> {
    await this.#writer?.discard()
  }

  async #read(pack: { readonly id: Buffer; readonly key: KeyObject }, record: FooterEntry): Promise<Uint8Array> {
    const { store, keys } = this.#vault
    const sealed = await store.range(packName(pack.id), record.offset, record.length)
    const block = sealed && openRecord(keys, pack, record, sealed)
    if (block && blockId(keys, block).equals(record.id)) return block
    throw this.#damaged(pack.id, record.ordinal, sealed ? 'is not what was written' : 'is missing')
  }

  #damaged(packId: Buffer, ordinal: number, what: string): TandemError {
    const pack = `${packName(packId)} in the vault at ${this.#vault.store.url}`
    return new TandemError('VaultDamaged', `${pack} ${what} (record ${ordinal}): it is not repacked.`)
  }

  async #store(id: Buffer, block: Uint8Array): Promise<NewPlace> {
    const { store, keys } = this.#vault
    const writer = (this.#writer ??= await PackWriter.begin(keys, store, this.#packBytes))
    const packed = packBlock(block)
    const place = await writer.add(id, packed)
    release(packed)
    release(block)
    if (writer.isFull) await this.#finishPack()
    return { ...place, packId: writer.packId }
  }

  async #finishPack(): Promise<void> {
    const writer = this.#writer
    if (!writer) return
    this.#writer = undefined
    this.#packs.push({ id: writer.packId, footer: await writer.finish() })
  }
}
