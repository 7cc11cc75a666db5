/** Where records of repacked packs are now, as an expiry needs it: a few packs at a time. */
import { isTandemError, TandemError } from '../../core/errors.ts'
import { readMoves, type Move, type NewPlace } from '../format/moved.ts'
import { packName } from '../format/names.ts'
import { readObject, type Vault } from '../vault.ts'
import type { Listing } from './inventory.ts'
import type { PackTable } from './pack-table.ts'

type PlacesOfPack = ReadonlyMap<number, readonly NewPlace[]>

/** Some 300 bytes each. */
const PLACES_MAX = 50_000
const NONE: PlacesOfPack = new Map()

export class KnownMoves {
  readonly #vault: Vault
  readonly #packs: PackTable
  /** Names of the objects below `moved/<pack id>/`, ascending. */
  readonly #names = new Map<string, string[]>()
  readonly #kept = new Map<string, PlacesOfPack>()
  #keptCount = 0

  /** @param moved by `<pack id>/<part id>` */
  constructor(vault: Vault, packs: PackTable, moved: Listing) {
    this.#vault = vault
    this.#packs = packs
    for (const [key, { name }] of moved) {
      const [packId = ''] = key.split('/')
      this.#names.set(packId, [...(this.#names.get(packId) ?? []), name])
    }
  }

  /** Ids of packs that have been repacked, in hexadecimal. */
  get packIds(): readonly string[] {
    return [...this.#names.keys()]
  }

  /** Whether anything says where records of a pack are now. */
  has(packId: string): boolean {
    return this.#names.has(packId)
  }

  /**
   * Where a record has been moved to: the first place whose pack is there, or has been moved itself to one that is.
   * @throws TandemError VaultDamaged
   */
  async placeOf(packId: string, ordinal: number): Promise<NewPlace | undefined> {
    for (const place of (await this.#placesOf(packId)).get(ordinal) ?? []) {
      if (this.#packs.isThere(place.packId)) return place
      if (await this.placeOf(place.packId.toString('hex'), place.ordinal)) return place
    }
    return undefined
  }

  async #placesOf(packId: string): Promise<PlacesOfPack> {
    const names = this.#names.get(packId)
    const kept = names ? this.#kept.get(packId) : NONE
    if (!names || kept) return kept ?? NONE
    const places = new Map<number, NewPlace[]>()
    let count = 0
    for (const name of names)
      for (const { from, to } of await this.#read(name, packId)) {
        places.set(from, [...(places.get(from) ?? []), to])
        count += 1
      }
    if (this.#keptCount + count > PLACES_MAX) {
      this.#kept.clear()
      this.#keptCount = 0
    }
    this.#kept.set(packId, places)
    this.#keptCount += count
    return places
  }

  /** Another expiry may have deleted it since it was listed: then no copy needs it. */
  async #read(name: string, packId: string): Promise<readonly Move[]> {
    const { store } = this.#vault
    try {
      const moves = readMoves(
        await readObject(this.#vault, name, `what became of ${packName(Buffer.from(packId, 'hex'))}`),
      )
      if (moves) return moves
    } catch (error) {
      if (isTandemError(error, 'VaultDamaged') && !(await store.get(name))) return []
      throw error
    }
    throw new TandemError('VaultDamaged', `${name} in the vault at ${store.url} is malformed.`)
  }
}
