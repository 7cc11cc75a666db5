import type { StoredObject, VaultStore } from '../../core/vault-store.ts'
import { BufferedDrafts } from '../../mover/stores/buffered-drafts.ts'

export type Operation = 'put' | 'get' | 'range' | 'tail' | 'list' | 'remove'

export interface StoreCall {
  readonly operation: Operation
  /** Of the object; the prefix for a listing. */
  readonly name: string
  /** Which call of this store it is, from 1 on. */
  readonly ordinal: number
}

/** What stands between a mover and its store: may wait, or throw, before and after each call. A listing is one call. */
export interface Interposer {
  before?(call: StoreCall): Promise<void> | void
  after?(call: StoreCall): Promise<void> | void
}

export class InterposedStore implements VaultStore {
  readonly #store: VaultStore
  readonly #interposer: Interposer
  callCount = 0

  readonly draft = new BufferedDrafts((name, bytes) => this.put(name, bytes)).begin

  constructor(store: VaultStore, interposer: Interposer) {
    this.#store = store
    this.#interposer = interposer
  }

  get url(): string {
    return this.#store.url
  }

  put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'> {
    return this.#call('put', name, () => this.#store.put(name, bytes))
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#call('get', name, () => this.#store.get(name))
  }

  range(name: string, offset: number, length: number): Promise<Buffer | undefined> {
    return this.#call('range', name, () => this.#store.range(name, offset, length))
  }

  tail(name: string, length: number): Promise<Buffer | undefined> {
    return this.#call('tail', name, () => this.#store.tail(name, length))
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    yield* await this.#call('list', prefix, async () => {
      const objects: StoredObject[] = []
      for await (const object of this.#store.list(prefix)) objects.push(object)
      return objects
    })
  }

  remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    return this.#call('remove', name, () => this.#store.remove(name))
  }

  removeUnfinished(writtenBeforeMs: number): Promise<number> {
    return this.#store.removeUnfinished(writtenBeforeMs)
  }

  async #call<T>(operation: Operation, name: string, work: () => Promise<T>): Promise<T> {
    this.callCount += 1
    const call = { operation, name, ordinal: this.callCount }
    await this.#interposer.before?.(call)
    const result = await work()
    await this.#interposer.after?.(call)
    return result
  }
}

/** A process that died: nothing that it does any more has an effect. */
export class Died extends Error {
  override readonly name = 'Died'
}

/** Dies at the n-th call: `before` it is carried out, or right `after`. Every later call fails as well. */
export function dyingAt(ordinal: number, when: 'before' | 'after'): Interposer {
  let isDead = false
  const die = (): never => {
    isDead = true
    throw new Died(`died ${when} call ${ordinal}`)
  }
  return {
    before(call) {
      if (isDead) throw new Died('dead')
      if (when === 'before' && call.ordinal === ordinal) die()
    },
    after(call) {
      if (isDead) throw new Died('dead')
      if (when === 'after' && call.ordinal === ordinal) die()
    },
  }
}
