import type { Catcher, Retrier } from './definition.ts'
import type { Stay } from './position.ts'
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

/**
 * How long to wait before the next try, or undefined when there is none. The first matching retrier alone decides; each counts
 * its own tries in one stay (AWS facts C.5), and this one is counted.
 */
export function retryDelayMs(
  retriers: readonly Retrier[],
  stay: Pick<Stay, 'tries' | 'retryCount'>,
  error: string,
  random: Random,
): number | undefined {
  const index = retriers.findIndex((candidate) => matches(candidate, error))
  const retrier = retriers[index]
  if (!retrier) return undefined
  const tries = stay.tries[index] ?? 0
  if (tries >= (retrier.MaxAttempts ?? 3)) return undefined
  stay.tries[index] = tries + 1
  stay.retryCount += 1
  const seconds = (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** tries
  const cappedMs = Math.min(seconds, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY) * 1000
  return retrier.JitterStrategy === 'FULL' ? Math.round(cappedMs * random.fraction()) : cappedMs
}
