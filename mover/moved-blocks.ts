/** Blocks whose pack was repacked: where they are now. */
import { TandemError } from '../core/errors.ts'
import { readMoves, type NewPlace } from './format/moved.ts'
import { movedPrefix, packName } from './format/names.ts'
import { readObject, type OpenedStore } from './vault.ts'

type Candidates = ReadonlyMap<number, readonly NewPlace[]>

/** Everything that says where records of a pack are now, by their ordinals; first what counts first. @throws TandemError VaultDamaged */
export async function readMovesOf(vault: OpenedStore, packId: Uint8Array): Promise<Map<number, NewPlace[]>> {
  const found = new Map<number, NewPlace[]>()
  const names: string[] = []
  for await (const { name } of vault.store.list(movedPrefix(packId))) names.push(name)
  for (const name of names) {
    const moves = readMoves(await readObject(vault, name, `what became of ${packName(packId)}`))
    if (!moves) throw new TandemError('VaultDamaged', `${name} in the vault at ${vault.store.url} is malformed.`)
    for (const { from, to } of moves) found.set(from, [...(found.get(from) ?? []), to])
  }
  return found
}

/** Packs whose moves are kept: neighbouring blocks of a disk are in the same packs. */
const PACKS_MAX = 256

/** Follows moves. Asks the store only about packs that are gone. */
export class MovedBlocks {
  readonly #vault: OpenedStore
  readonly #moves = new Map<string, Promise<Candidates>>()
  readonly #there = new Set<string>()

  constructor(vault: OpenedStore) {
    this.#vault = vault
  }

  /** Where a record of a pack that is gone is now; undefined when nothing leads to a pack that is there. */
  async find(packId: Buffer, ordinal: number): Promise<NewPlace | undefined> {
    const moves = await this.#movesOf(packId)
    for (const place of moves.get(ordinal) ?? []) {
      if (await this.#isThere(place.packId)) return place
      const further = await this.find(place.packId, place.ordinal)
      if (further) return further
    }
    return undefined
  }

  /** What was there once may go later: whoever reads it then asks again where its records are. */
  async #isThere(packId: Buffer): Promise<boolean> {
    const name = packName(packId)
    if (this.#there.has(name)) return true
    if (!(await this.#vault.store.range(name, 0, 1))) return false
    if (this.#there.size >= PACKS_MAX) this.#there.clear()
    this.#there.add(name)
    return true
  }

  #movesOf(packId: Buffer): Promise<Candidates> {
    const name = packId.toString('hex')
    const known = this.#moves.get(name) ?? readMovesOf(this.#vault, packId)
    known.catch(() => {}) // whoever awaits it sees it
    if (this.#moves.size >= PACKS_MAX && !this.#moves.has(name)) this.#moves.clear()
    this.#moves.set(name, known)
    return known
  }
}
