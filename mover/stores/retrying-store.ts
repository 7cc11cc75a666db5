/** Patience with a store: what the world outside refuses for a while is asked for again. */
import { setTimeout as delay } from 'node:timers/promises'
import { isTandemError } from '../../core/errors.ts'
import type { ObjectStore, StoredObject, VaultStore } from '../../core/vault-store.ts'
import { BufferedDrafts } from './buffered-drafts.ts'

/** 10 tries, up to 0.5 s, 1 s, 2 s, … 30 s apart: on average about a minute, at most two, besides what the SDK itself repeats. */
const TRIES = 10
const FIRST_PAUSE_MS = 500
const PAUSE_MAX_MS = 30_000

/** The closed list of what is tried again; everything else is no better the next time. */
const isPassing = (error: unknown): boolean => isTandemError(error, 'AwsThrottled', 'AwsUnavailable')

export interface Patience {
  readonly pause: (ms: number) => Promise<unknown>
  /** From 0 to below 1. */
  readonly random: () => number
}

const USUAL: Patience = { pause: delay, random: Math.random }

/** A store that repeats what failed for a while only, at random times, so that many movers do not come back all at once. */
export class RetryingStore implements VaultStore {
  readonly #store: ObjectStore
  readonly #patience: Patience
  readonly draft = new BufferedDrafts((name, bytes) => this.put(name, bytes)).begin

  constructor(store: ObjectStore, patience: Patience = USUAL) {
    this.#store = store
    this.#patience = patience
  }

  get url(): string {
    return this.#store.url
  }

  /** A try whose answer was lost may have written: the object that is in its way is then our own. */
  put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'> {
    return this.#retrying(async (attempt) => {
      const outcome = await this.#store.put(name, bytes)
      if (outcome === 'written' || attempt === 1) return outcome
      return (await this.#store.get(name))?.equals(bytes) ? 'written' : 'taken'
    })
  }

  get(name: string): Promise<Buffer | undefined> {
    return this.#retrying(() => this.#store.get(name))
  }

  range(name: string, offset: number, length: number): Promise<Buffer | undefined> {
    return this.#retrying(() => this.#store.range(name, offset, length))
  }

  tail(name: string, length: number): Promise<Buffer | undefined> {
    return this.#retrying(() => this.#store.tail(name, length))
  }

  /** Goes on behind the last name that was listed. */
  async *list(prefix: string): AsyncIterable<StoredObject> {
    let last = ''
    for (let attempt = 1; ; attempt += 1)
      try {
        for await (const object of this.#store.list(prefix)) {
          if (object.name <= last) continue
          last = object.name
          attempt = 1
          yield object
        }
        return
      } catch (error) {
        await this.#pauseAfter(error, attempt)
      }
  }

  /** `absent` may be the work of a try whose answer was lost. */
  remove(name: string): Promise<'removed' | 'absent' | 'locked'> {
    return this.#retrying(() => this.#store.remove(name))
  }

  removeUnfinished(writtenBeforeMs: number): Promise<number> {
    return this.#retrying(() => this.#store.removeUnfinished(writtenBeforeMs))
  }

  async #retrying<T>(call: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await call(attempt)
      } catch (error) {
        await this.#pauseAfter(error, attempt)
      }
  }

  /** @throws what failed, unless it is worth another try */
  async #pauseAfter(error: unknown, attempt: number): Promise<void> {
    if (!isPassing(error) || attempt === TRIES) throw error
    const limitMs = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1))
    await this.#patience.pause(limitMs * this.#patience.random())
  }
}
