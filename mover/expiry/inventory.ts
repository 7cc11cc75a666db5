/** What an expiry knows of a vault's objects: listings, and where moved blocks are. */
import type { StoredObject } from '../../core/vault-store.ts'
import type { NewPlace } from '../format/moved.ts'
import { PREFIX } from '../format/names.ts'
import { readMovesOf } from '../moved-blocks.ts'
import type { Vault } from '../vault.ts'

/** Objects below a prefix by what follows it. */
export type Listing = ReadonlyMap<string, StoredObject>

export interface Inventory {
  readonly packs: Listing
  readonly maps: Listing
  readonly index: Listing
  /** By `<pack id>/<part id>`. */
  readonly moved: Listing
  readonly moves: Map<string, Map<number, NewPlace[]>>
}

export async function listBelow({ store }: Vault, prefix: string): Promise<Map<string, StoredObject>> {
  const found = new Map<string, StoredObject>()
  for await (const object of store.list(prefix)) found.set(object.name.slice(prefix.length), object)
  return found
}

export async function takeInventory(vault: Vault): Promise<Inventory> {
  const packs = await listBelow(vault, PREFIX.packs)
  const maps = await listBelow(vault, PREFIX.maps)
  const index = await listBelow(vault, PREFIX.index)
  const moved = await listBelow(vault, PREFIX.moved)
  const moves: Inventory['moves'] = new Map()
  for (const key of moved.keys()) {
    const [packId = ''] = key.split('/')
    if (!moves.has(packId)) moves.set(packId, await readMovesOf(vault, Buffer.from(packId, 'hex')))
  }
  return { packs, maps, index, moved, moves }
}
