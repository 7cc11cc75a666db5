import { join } from 'node:path'
import { restore, type Checkpoint, type Group } from './checkpoints.ts'
import { createPlace, type Place, type Shared } from './place.ts'
import { REGIONS } from './regions.ts'

const SHARED_GROUP = 'shared'

const nameOf = ({ accountId, region }: Pick<Place, 'accountId' | 'region'>): string => `${accountId}/${region}`

function placeOf(name: string): [accountId: string, region: string] {
  const [accountId = '', region = ''] = name.split('/')
  return [accountId, region]
}

/** All places of a process. */
export class Places {
  readonly #shared: Shared
  readonly #directory: string
  readonly #places = new Map<string, Place>()

  constructor(shared: Shared, directory: string) {
    this.#shared = shared
    this.#directory = directory
  }

  /** @throws Error for a Region that does not exist */
  at(accountId: string, region: string): Place {
    if (!REGIONS.has(region)) throw new Error(`There is no Region ${region}.`)
    const name = `${accountId}-${region}`
    const place =
      this.#places.get(name) ?? createPlace(this.#shared, { accountId, region, directory: join(this.#directory, name) })
    this.#places.set(name, place)
    return place
  }

  /** What a checkpoint is made of: what all places share, then each place. */
  groups(): Group[] {
    const places = [...this.#places.values()].map((place) => ({ name: nameOf(place), durables: place.durables }))
    return [{ name: SHARED_GROUP, durables: this.#shared.durables }, ...places]
  }

  /** Takes over what an earlier process saved, before any call. */
  restore(saved: Checkpoint): void {
    for (const name of saved.groups.keys()) if (name !== SHARED_GROUP) this.at(...placeOf(name))
    for (const group of this.groups()) restore(group, saved)
  }

  /** Goes on with what was under way. The process listens by now. */
  resume(): void {
    for (const { durables } of this.groups()) for (const durable of durables) durable.resume?.()
  }

  stop(): void {
    for (const place of this.#places.values()) place.stop()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#places.values()].map((place) => place.close()))
  }
}
