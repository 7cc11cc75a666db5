import type { Catcher, Retrier } from './definition.ts'
import type { Random } from './random.ts'

/** Errors that the wildcards leave alone (AWS facts C.4). */
const TERMINAL = ['States.Runtime', 'States.DataLimitExceeded']

function equals(pattern: string, error: string): boolean {
  if (pattern === 'States.ALL') return !TERMINAL.includes(error)
  if (pattern === 'States.TaskFailed') return error !== 'States.Timeout' && !TERMINAL.includes(error)
  // A missed heartbeat is a kind of timeout.
  if (pattern === 'States.Timeout' && error === 'States.HeartbeatTimeout') return true
  return pattern === error
}

/** Whether a Retry or Catch entry is about this error. Nothing is ever about States.Runtime. */
export function matches({ ErrorEquals }: Pick<Catcher, 'ErrorEquals'>, error: string): boolean {
  return error !== 'States.Runtime' && ErrorEquals.some((pattern) => equals(pattern, error))
}

/** The retriers of one visit of one state: each counts its own attempts (AWS facts C.5). */
export class Retries {
  readonly #retriers: readonly Retrier[]
  readonly #attempts = new Map<Retrier, number>()
  readonly #random: Random
  /** All retries of this visit. */
  count = 0

  constructor(retriers: readonly Retrier[], random: Random) {
    this.#retriers = retriers
    this.#random = random
  }

  /** How long to wait before the next try, or undefined when there is none. The first matching retrier alone decides. */
  next(error: string): number | undefined {
    const retrier = this.#retriers.find((candidate) => matches(candidate, error))
    if (!retrier) return undefined
    const attempts = this.#attempts.get(retrier) ?? 0
    if (attempts >= (retrier.MaxAttempts ?? 3)) return undefined
    this.#attempts.set(retrier, attempts + 1)
    this.count += 1
    const seconds = (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** attempts
    const cappedMs = Math.min(seconds, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY) * 1000
    return retrier.JitterStrategy === 'FULL' ? Math.round(cappedMs * this.#random.fraction()) : cappedMs
  }
}
