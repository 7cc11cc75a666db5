/** Arithmetic on ISO 8601 instants: core has no clock, every "now" is given to it. */
export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const DAY_MS = 24 * 60 * MINUTE_MS

export const plusMs = (instant: string, ms: number): string => new Date(Date.parse(instant) + ms).toISOString()
/** Negative when `to` is before `from`. */
export const msBetween = (from: string, to: string): number => Date.parse(to) - Date.parse(from)
