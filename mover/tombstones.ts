/** Tombstones: what expiry will delete, and what must therefore not be used for new copies (docs/vault-format.md, section 8). */
import { TandemError } from '../core/errors.ts'
import type { VaultStore } from '../core/vault-store.ts'
import { PREFIX } from './format/names.ts'

const HOUR_MS = 3_600_000
/** Half a grace period: a tombstone outlives what it announces by a whole one, so that none comes and goes unseen. */
const LOOK_APART_MAX_MS = 12 * HOUR_MS
/** Expiry counts on it that a commit comes this soon after its look. */
const COMMIT_WITHIN_MS = HOUR_MS

/** What a run has seen of tombstones: what was shown once counts until the end. */
export class TombstoneWatch {
  readonly #store: VaultStore
  readonly #nowMs: () => number
  readonly #seen = new Set<string>()
  #lookedMs: number | undefined

  constructor(store: VaultStore, nowMs: () => number = Date.now) {
    this.#store = store
    this.#nowMs = nowMs
  }

  /** @throws TandemError LostRace when the last look was so long ago that a tombstone may have been missed */
  async look(): Promise<void> {
    const beganMs = this.#nowMs()
    for await (const { name } of this.#store.list(PREFIX.tombstones))
      this.#seen.add(name.slice(PREFIX.tombstones.length))
    if (this.#lookedMs !== undefined && this.#nowMs() - this.#lookedMs > LOOK_APART_MAX_MS)
      throw new TandemError(
        'LostRace',
        `The copy to ${this.#store.url} stood still for hours: expiry may have taken blocks away meanwhile. Run it again.`,
      )
    this.#lookedMs = beganMs
  }

  /** Of a pack or segment. */
  has(id: Uint8Array): boolean {
    return this.#seen.has(Buffer.from(id).toString('hex'))
  }

  /** Whether it is too late to commit by what the last look has shown. */
  get isOutdated(): boolean {
    return this.#lookedMs === undefined || this.#nowMs() - this.#lookedMs > COMMIT_WITHIN_MS
  }
}
