/** Session tokens of IMDSv2: each is good for one instance, until its time is over or the instance stops. */
import { randomBytes } from 'node:crypto'

export const SHORTEST_TTL_SECONDS = 1
/** Six hours. */
export const LONGEST_TTL_SECONDS = 21_600
const SECOND_MS = 1000
const TOKEN_BYTES = 42

export class Tokens {
  readonly #nowMs: () => number
  readonly #expiresMs = new Map<string, number>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  issue(ttlSeconds: number): string {
    const nowMs = this.#nowMs()
    for (const [token, expiresMs] of this.#expiresMs) if (expiresMs <= nowMs) this.#expiresMs.delete(token)
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    this.#expiresMs.set(token, nowMs + ttlSeconds * SECOND_MS)
    return token
  }

  /** 0 for one that was never issued or has expired. */
  secondsLeft(token: string): number {
    return Math.max(0, Math.ceil(((this.#expiresMs.get(token) ?? 0) - this.#nowMs()) / SECOND_MS))
  }
}
