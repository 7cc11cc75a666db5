/** The time by the clock that dates a store's objects: whoever calls may have a wrong one. */
import { randomBytes } from 'node:crypto'
import { TandemError } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { expiryName, PREFIX } from '../format/names.ts'
import { PACK_ID_BYTES } from '../format/parameters.ts'

export interface StoreTime {
  /** Key of the object that told it; whoever is done removes it. */
  readonly name: string
  readonly nowMs: number
}

export async function tellStoreTime(store: VaultStore): Promise<StoreTime> {
  const name = expiryName(randomBytes(PACK_ID_BYTES))
  await store.put(name, Buffer.alloc(0))
  for await (const object of store.list(PREFIX.expiry))
    if (object.name === name) return { name, nowMs: object.writtenMs }
  throw new TandemError('LostRace', `${name} has gone from the vault at ${store.url}. Run it again.`)
}
