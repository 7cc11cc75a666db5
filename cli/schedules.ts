const CRON = /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/
const RATE = /^rate\((\d+) (\w+?)s?\)$/
const NUMBER = /^\d+$/

const twoDigits = (value: string): string => value.padStart(2, '0')

/** `every 6 hours`, `every day at 02:00`; what has no short words stays as it is: EventBridge Scheduler's grammar is rich. */
export function scheduleInWords(expression: string): string {
  const [, count, unit] = RATE.exec(expression) ?? []
  if (count && unit) return count === '1' ? `every ${unit}` : `every ${count} ${unit}s`
  const [, minute = '', hour = '', dayOfMonth = '', month, dayOfWeek = '', year] = CRON.exec(expression) ?? []
  const days = daysInWords(dayOfMonth, dayOfWeek)
  if (!NUMBER.test(minute) || month !== '*' || year !== '*' || !days) return `by ${expression}`
  if (hour === '*') return `every hour at minute ${minute}${days === 'every day' ? '' : `, ${days}`}`
  if (!/^\d+(,\d+)*$/.test(hour)) return `by ${expression}`
  const times = hour.split(',').map((each) => `${twoDigits(each)}:${twoDigits(minute)}`)
  return `${days} at ${times.join(', ')}`
}

function daysInWords(dayOfMonth: string, dayOfWeek: string): string | undefined {
  const anyDay = ['*', '?']
  if (anyDay.includes(dayOfMonth) && anyDay.includes(dayOfWeek)) return 'every day'
  if (anyDay.includes(dayOfMonth) && /^[A-Z]{3}([,-][A-Z]{3})*$/.test(dayOfWeek)) return dayOfWeek.replace(/,/g, ', ')
  if (anyDay.includes(dayOfWeek) && NUMBER.test(dayOfMonth)) return `on day ${dayOfMonth} of every month`
  return undefined
}
