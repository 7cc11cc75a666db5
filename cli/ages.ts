import { DAY_MS, MINUTE_MS, msBetween, SECOND_MS } from '../core/instants.ts'

const HOUR_MS = 60 * MINUTE_MS

/** `4 min`, `7 h`, `12 d`: how long ago an instant was. */
export function age(instant: string, now: string): string {
  const ms = Math.max(0, msBetween(instant, now))
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} d`
}

const two = (value: number): string => String(value).padStart(2, '0')

/** `0:07`, `12:30`, `1:02:03`: how long something takes, to the second. */
export function elapsed(from: string, to: string): string {
  const seconds = Math.floor(Math.max(0, msBetween(from, to)) / SECOND_MS)
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** An instant to the second, in UTC, as it can be pasted into a query. */
export const shown = (instant: string): string => instant.replace(/\.\d+Z$/, 'Z')

/** `1 machine`, `2 machines`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
