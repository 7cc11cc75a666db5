/** Resources by id, in the order of their creation, with an index of their tags. */
import type { Tags } from './tags.ts'

interface Item {
  readonly id: string
  readonly order: number
  readonly createdMs: number
  readonly tags: Map<string, string>
}

/** A copy of a collection by `v8.serialize` is a plain map: filling it into another collection builds the index again. */
export class Collection<Resource extends Item> extends Map<string, Resource> {
  readonly #tagged = new Map<string, Set<Resource>>()
  readonly #shows: (resource: Resource) => boolean

  /** `shows` says whether a resource can be seen by callers yet (AWS facts A.19). */
  constructor(shows: (resource: Item) => boolean) {
    super()
    this.#shows = shows
  }

  override set(id: string, resource: Resource): this {
    this.delete(id)
    for (const [key, value] of resource.tags) this.#enter(key, value, resource)
    return super.set(id, resource)
  }

  override delete(id: string): boolean {
    const resource = this.get(id)
    if (resource) for (const [key, value] of resource.tags) this.#leave(key, value, resource)
    return super.delete(id)
  }

  override clear(): void {
    this.#tagged.clear()
    super.clear()
  }

  shows(resource: Resource): boolean {
    return this.#shows(resource)
  }

  /** Gives a resource other tags; the only way to change those of one that is in here. */
  retag(resource: Resource, tags: Tags): void {
    for (const [key, value] of resource.tags) this.#leave(key, value, resource)
    resource.tags.clear()
    for (const [key, value] of tags) {
      resource.tags.set(key, value)
      this.#enter(key, value, resource)
    }
  }

  /** Those with this tag, in no order. */
  withTag(key: string, value: string): ReadonlySet<Resource> {
    return this.#tagged.get(`${key}\0${value}`) ?? new Set()
  }

  #enter(key: string, value: string, resource: Resource): void {
    const name = `${key}\0${value}`
    const present = this.#tagged.get(name)
    if (present) present.add(resource)
    else this.#tagged.set(name, new Set([resource]))
  }

  #leave(key: string, value: string, resource: Resource): void {
    const name = `${key}\0${value}`
    const present = this.#tagged.get(name)
    present?.delete(resource)
    if (present?.size === 0) this.#tagged.delete(name)
  }
}
