/** What a vault holds before a copy begins: index parts, and packs of runs that died. */
import { TandemError } from '../../core/errors.ts'
import { ignoreDamage } from '../damage.ts'
import { readIndexPart, type IndexedPack } from '../format/index-part.ts'
import { PREFIX, packName, readPackName } from '../format/names.ts'
import { FOOTER_ENTRY_BYTES, openFooter, footerLength, PACK_END_BYTES, type FooterEntry } from '../format/pack.ts'
import { readObject, type Vault } from '../vault.ts'

const hex = (id: Uint8Array): string => Buffer.from(id).toString('hex')

/** Most packs have some 100 to 600 blocks: one read gets the footer too. */
const TAIL_BYTES = 64 * 1024

/** The footer of a pack, read from its end. @throws TandemError VaultDamaged */
export async function readFooter({ store, keys }: Vault, packId: Buffer): Promise<FooterEntry[]> {
  const name = packName(packId)
  const damaged = (what: string): TandemError =>
    new TandemError('VaultDamaged', `${name} in the vault at ${store.url} ${what}.`)
  let tail = await store.tail(name, TAIL_BYTES)
  if (!tail) throw damaged('is missing')
  const length = footerLength(tail)
  if (length === undefined) throw damaged('has no footer')
  if (length + PACK_END_BYTES > tail.length) tail = (await store.tail(name, length + PACK_END_BYTES)) ?? tail
  const end = tail.length - PACK_END_BYTES
  const entries = openFooter(keys, packId, tail.subarray(Math.max(0, end - length), end))
  if (!entries) throw damaged('has a footer that is not its own')
  return entries
}

export interface KnownPack extends IndexedPack {
  /** Whether an index part names it. */
  readonly indexed: boolean
}

/** About how many blocks the vault holds, from the sizes of its index. */
export async function estimateBlocks({ store }: Vault): Promise<number> {
  let bytes = 0
  for await (const { sizeBytes } of store.list(PREFIX.index)) bytes += sizeBytes
  return Math.ceil(bytes / (FOOTER_ENTRY_BYTES * 0.9))
}

/** Ids, in hexadecimal, of packs that are there and that `isDoomed` does not say of that they will go. */
export async function usablePacks({ store }: Vault, isDoomed: (packId: Buffer) => boolean): Promise<Set<string>> {
  const ids = new Set<string>()
  for await (const { name } of store.list(PREFIX.packs)) {
    const id = readPackName(name)
    if (id && !isDoomed(id)) ids.add(hex(id))
  }
  return ids
}

/**
 * Of the usable packs those of all index parts, then those that no part names (finished by a run that died). Stops when `enough` says so.
 * A damaged index part or pack is skipped: its blocks are stored again, and `verify` names it. So is a part that expiry deletes just now.
 */
export async function* knownPacks(
  vault: Vault,
  usable: ReadonlySet<string>,
  enough: () => boolean,
): AsyncIterable<KnownPack> {
  const indexed = new Set<string>()
  for await (const { name } of vault.store.list(PREFIX.index)) {
    const bytes = await readObject(vault, name, 'an index part').catch(ignoreDamage)
    for (const { id, entries } of (bytes && readIndexPart(bytes)) ?? []) {
      if (indexed.has(hex(id)) || !usable.has(hex(id))) continue
      indexed.add(hex(id))
      if (!enough()) yield { id, entries, indexed: true }
    }
  }
  for (const name of usable) {
    if (indexed.has(name) || enough()) continue
    const id = Buffer.from(name, 'hex')
    const entries = await readFooter(vault, id).catch(ignoreDamage)
    if (entries) yield { id, entries, indexed: false }
  }
}
