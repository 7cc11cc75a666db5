/** What an expiry knows of a vault's objects: listings, and where moved blocks are. */
import type { StoredObject } from '../../core/vault-store.ts'
import { PREFIX, readPackName } from '../format/names.ts'
import type { Vault } from '../vault.ts'
import { KnownMoves } from './known-moves.ts'
import { PackTable } from './pack-table.ts'

/** Objects below a prefix by what follows it. */
export type Listing = ReadonlyMap<string, StoredObject>

export interface Inventory {
  readonly packs: PackTable
  readonly maps: Listing
  readonly index: Listing
  /** By `<pack id>/<part id>`. */
  readonly moved: Listing
  readonly moves: KnownMoves
}

export async function listBelow({ store }: Vault, prefix: string): Promise<Map<string, StoredObject>> {
  const found = new Map<string, StoredObject>()
  for await (const object of store.list(prefix)) found.set(object.name.slice(prefix.length), object)
  return found
}

/** Reads no object: what it tells of packs says nothing yet of what is needed. */
export async function takeInventory(vault: Vault): Promise<Inventory> {
  const packs = new PackTable()
  for await (const object of vault.store.list(PREFIX.packs)) {
    const id = readPackName(object.name)
    if (id) packs.list(id, object)
  }
  const maps = await listBelow(vault, PREFIX.maps)
  const index = await listBelow(vault, PREFIX.index)
  const moved = await listBelow(vault, PREFIX.moved)
  return { packs, maps, index, moved, moves: new KnownMoves(vault, packs, moved) }
}
