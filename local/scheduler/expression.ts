/** Schedule expressions: `at(…)`, `rate(…)` and `cron(…)`, as EventBridge Scheduler reads them (AWS facts D.1). */
import { Cron } from 'croner'
import { AwsError } from '../wire/service.ts'
import { instantOf, wallTimeOf } from './wall-time.ts'

export interface Expression {
  readonly kind: 'at' | 'rate' | 'cron'
  /** The first occurrence strictly after an instant; undefined when there is none any more. `anchorMs` is where a rate began. */
  next(afterMs: number, anchorMs: number): number | undefined
}

const invalid = (expression: string): AwsError =>
  new AwsError('ValidationException', `Invalid Schedule Expression ${expression}.`)

const MONTHS = 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC'.split('|')
const WEEKDAYS = 'SUN|MON|TUE|WED|THU|FRI|SAT'.split('|')
const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

interface Field {
  readonly first: number
  readonly last: number
  /** Names of the values from `first` on. */
  readonly names?: readonly string[]
  /** What else an element may be. */
  readonly special?: RegExp
}

const FIELDS: readonly [Field, Field, Field, Field, Field, Field] = [
  { first: 0, last: 59 },
  { first: 0, last: 23 },
  { first: 1, last: 31, special: /^(L|([1-9]|[12]\d|3[01])W)$/ },
  { first: 1, last: 12, names: MONTHS },
  // Sunday is 1. `L` alone is Saturday, `5L` the last Thursday, `5#2` the second one.
  { first: 1, last: 7, names: WEEKDAYS, special: /^([1-7]?L|[1-7]#[1-5])$/ },
  { first: 1970, last: 2199 },
]

/** Brings one element of a field into the form that croner reads; undefined for what AWS refuses. */
function element(text: string, field: Field): string | undefined {
  const number = (value: string): number => {
    const named = field.names?.indexOf(value.toUpperCase()) ?? -1
    return named >= 0 ? field.first + named : /^\d+$/.test(value) ? Number(value) : Number.NaN
  }
  const isIn = (value: number): boolean => value >= field.first && value <= field.last
  // A name in place of a weekday's number: `FRI#2`, `FRIL`.
  const numbered = text.replace(/^[A-Za-z]{3}(?=[#L])/, (name) => String(number(name)))
  if (field.special?.test(numbered)) {
    if (field.names === undefined) return numbered
    if (numbered === 'L') return '7'
    return numbered.replace(/^(\d)L$/, '$1#L')
  }
  const [range = '', step, ...rest] = text.split('/')
  if (rest.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return undefined
  const suffix = step === undefined ? '' : `/${step}`
  if (range === '*') return `*${suffix}`
  const [from = '', to, ...more] = range.split('-')
  const low = number(from)
  const high = to === undefined ? low : number(to)
  if (more.length > 0 || !isIn(low) || !isIn(high) || high < low) return undefined
  if (to === undefined && step === undefined) return String(low)
  return `${low}-${to === undefined ? field.last : high}${suffix}`
}

function fieldPattern(text: string, field: Field): string | undefined {
  const elements = text.split(',').map((part) => element(part, field))
  return elements.includes(undefined) ? undefined : elements.join(',')
}

function parseCron(expression: string, body: string, timeZone: string): Expression {
  const texts = body.trim().split(/\s+/)
  const [, , dayOfMonth, , dayOfWeek] = texts
  // Exactly one of the two day fields says `?`: it leaves the days to the other.
  if (texts.length !== FIELDS.length || (dayOfMonth === '?') === (dayOfWeek === '?')) throw invalid(expression)
  const patterns = FIELDS.map((field, at) => {
    const text = texts[at] ?? ''
    return text === '?' && (at === 2 || at === 4) ? '*' : fieldPattern(text, field)
  })
  if (patterns.includes(undefined)) throw invalid(expression)
  let cron: Cron
  try {
    cron = new Cron(`0 ${patterns.join(' ')}`, {
      timezone: 'UTC',
      mode: '7-part',
      alternativeWeekdays: true,
      paused: true,
    })
  } catch {
    throw invalid(expression)
  }
  return {
    kind: 'cron',
    next: (afterMs) => {
      // Croner runs on wall time, where every day has 24 hours: what summer time does to a schedule is decided in wall-time.ts.
      let wallMs: number | undefined = wallTimeOf(afterMs, timeZone)
      while ((wallMs = cron.nextRun(new Date(wallMs))?.getTime()) !== undefined) {
        const instantMs = instantOf(wallMs, timeZone)
        if (instantMs !== undefined && instantMs > afterMs) return instantMs
      }
      return undefined
    },
  }
}

function parseAt(expression: string, body: string, timeZone: string): Expression {
  const wallMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(body) ? Date.parse(`${body}Z`) : Number.NaN
  // Date.parse turns February 30 into March: what does not read back is no date.
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString().slice(0, 19) !== body) throw invalid(expression)
  const instantMs = instantOf(wallMs, timeZone)
  return { kind: 'at', next: (afterMs) => (instantMs !== undefined && instantMs > afterMs ? instantMs : undefined) }
}

function parseRate(expression: string, body: string): Expression {
  const [, count, unit = ''] = /^([1-9]\d*)\s+(minute|hour|day)s?$/.exec(body.trim()) ?? []
  const periodMs = Number(count) * (UNIT_MS[unit] ?? Number.NaN)
  if (Number.isNaN(periodMs)) throw invalid(expression)
  return {
    kind: 'rate',
    next: (afterMs, anchorMs) =>
      afterMs < anchorMs ? anchorMs : anchorMs + (Math.floor((afterMs - anchorMs) / periodMs) + 1) * periodMs,
  }
}

/** Reads an expression whose times are those of `timeZone`. Throws AwsError `ValidationException`. */
export function parseExpression(expression: string, timeZone: string): Expression {
  const [, kind, body = ''] = /^(at|rate|cron)\((.*)\)$/.exec(expression) ?? []
  if (kind === 'at') return parseAt(expression, body, timeZone)
  if (kind === 'rate') return parseRate(expression, body)
  if (kind === 'cron') return parseCron(expression, body, timeZone)
  throw invalid(expression)
}
