/** What a vault holds before a copy begins: index parts, and packs of runs that died. */
import { TandemError } from '../../core/errors.ts'
import { ignoreDamage } from '../damage.ts'
import { readIndexPart, type IndexedPack } from '../format/index-part.ts'
import { PREFIX, packName, readPackName } from '../format/names.ts'
import { FOOTER_ENTRY_BYTES, footerLength, openFooter, PACK_END_BYTES } from '../format/pack.ts'
import { readObject, type Vault } from '../vault.ts'
import { IdTable } from './id-table.ts'

/** Most packs have some 100 to 600 blocks: one read gets the footer too. */
const TAIL_BYTES = 64 * 1024

/** The footer of a pack, read from its end, as `footerEntries` reads it. @throws TandemError VaultDamaged */
export async function readFooter({ store, keys }: Vault, packId: Buffer): Promise<Buffer> {
  const name = packName(packId)
  const damaged = (what: string): TandemError =>
    new TandemError('VaultDamaged', `${name} in the vault at ${store.url} ${what}.`)
  let tail = await store.tail(name, TAIL_BYTES)
  if (!tail) throw damaged('is missing')
  const length = footerLength(tail)
  if (length === undefined) throw damaged('has no footer')
  if (length + PACK_END_BYTES > tail.length) tail = (await store.tail(name, length + PACK_END_BYTES)) ?? tail
  const end = tail.length - PACK_END_BYTES
  const footer = openFooter(keys, packId, tail.subarray(Math.max(0, end - length), end))
  if (!footer) throw damaged('has a footer that is not its own')
  return footer
}

export interface KnownPack extends Pick<IndexedPack, 'footer'> {
  /** Its number among the usable ones. */
  readonly pack: number
  /** Whether an index part names it. */
  readonly indexed: boolean
}

/** About how many blocks the vault holds, from the sizes of its index. */
export async function estimateBlocks({ store }: Vault): Promise<number> {
  let bytes = 0
  for await (const { sizeBytes } of store.list(PREFIX.index)) bytes += sizeBytes
  return Math.ceil(bytes / (FOOTER_ENTRY_BYTES * 0.9))
}

/** Packs that are there and that `isDoomed` does not say of that they will go. */
export async function usablePacks({ store }: Vault, isDoomed: (packId: Buffer) => boolean): Promise<IdTable> {
  const ids = new IdTable()
  for await (const { name } of store.list(PREFIX.packs)) {
    const id = readPackName(name)
    if (id && !isDoomed(id)) ids.add(id)
  }
  return ids
}

/**
 * Of the usable packs those of all index parts, then those that no part names (finished by a run that died). Stops when `enough` says so.
 * A damaged index part or pack is skipped: its blocks are stored again, and `verify` names it. So is a part that expiry deletes just now.
 */
export async function* knownPacks(vault: Vault, usable: IdTable, enough: () => boolean): AsyncIterable<KnownPack> {
  const indexed = new Uint8Array(usable.end)
  for await (const { name } of vault.store.list(PREFIX.index)) {
    const bytes = await readObject(vault, name, 'an index part').catch(ignoreDamage)
    for (const { id, footer } of (bytes && readIndexPart(bytes)) ?? []) {
      const pack = usable.numberOf(id)
      if (pack === undefined || indexed[pack] === 1) continue
      indexed[pack] = 1
      if (!enough()) yield { pack, footer, indexed: true }
    }
  }
  for (const [pack, isIndexed] of indexed.entries()) {
    if (isIndexed === 1 || enough()) continue
    const id = usable.idOf(pack)
    const footer = await readFooter(vault, id).catch(ignoreDamage)
    if (footer) yield { pack, footer, indexed: false }
  }
}
