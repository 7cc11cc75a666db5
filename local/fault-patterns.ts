/**
 * What a planned fault strikes, as data: the same fault can be planned in a test, over HTTP, and again after a restart.
 * Every member that a pattern names must fit; a text may hold `*` for any run of characters.
 */

/** A call over the wire. `input` names members of the decoded input, nested as there; a list must hold each item named. */
export interface CallPattern {
  /** Signing name, e.g. `ec2`. */
  readonly service?: string
  readonly operation?: string
  readonly input?: Readonly<Record<string, unknown>>
}

/** The invocation of a Lambda function, by a client, a state machine, a rule or a schedule. */
export interface InvocationPattern {
  readonly functionName?: string
  readonly payload?: Readonly<Record<string, unknown>>
}

/** An event on its way to the bus. */
export interface EventPattern {
  readonly source?: string
  readonly detailType?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function fitsText(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const literals = pattern.split('*').map((literal) => literal.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
  return new RegExp(`^${literals.join('.*')}$`, 's').test(text)
}

/** Whether `value` has everything that `pattern` names. */
export function fits(pattern: unknown, value: unknown): boolean {
  if (typeof pattern === 'string') return fitsText(pattern, value instanceof Date ? value.toISOString() : String(value))
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((item) => value.some((candidate) => fits(item, candidate)))
  if (!isRecord(pattern)) return pattern === value
  if (!isRecord(value)) return false
  return Object.entries(pattern).every(([name, wanted]) => wanted === undefined || fits(wanted, value[name]))
}
