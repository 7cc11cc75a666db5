/**
 * Wall time: what a clock on the wall of a time zone shows, written as milliseconds as if that were UTC. Schedules are rules
 * about wall time; only here does it become an instant.
 */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  return format
}

/** Whether this is a zone of the IANA database; offsets such as `+01:00` are none. */
export function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false
  try {
    formatOf(timeZone)
    return true
  } catch {
    return false
  }
}

export function wallTimeOf(instantMs: number, timeZone: string): number {
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(timeZone).formatToParts(instantMs)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

const DAY_MS = 86_400_000

/**
 * The first instant at which the wall shows this time: of the two in the hour that autumn repeats, the earlier. Undefined for
 * a time that spring leaves out: a schedule does not run then (AWS facts D.1).
 */
export function instantOf(wallMs: number, timeZone: string): number | undefined {
  // The offsets a day before and a day after are the only two that can hold: no zone changes twice in two days.
  const offsetsMs = [wallMs - DAY_MS, wallMs + DAY_MS].map((nearMs) => wallTimeOf(nearMs, timeZone) - nearMs)
  const fitting = offsetsMs.map((offsetMs) => wallMs - offsetMs).filter((ms) => wallTimeOf(ms, timeZone) === wallMs)
  return fitting.length === 0 ? undefined : Math.min(...fitting)
}
