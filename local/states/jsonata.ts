import { createHash } from 'node:crypto'
import jsonata from 'jsonata'
import type { Clock } from '../clock.ts'
import type { Template } from './definition.ts'
import { EvaluationFailure } from './failure.ts'
import { seededRandom } from './random.ts'
import type { Random } from './random.ts'

/** What an expression sees: `states` is `$states`; every variable has its own name. */
export type Bindings = Readonly<Record<string, unknown>>

/** Compiled once: the same few hundred expressions run again and again. */
const compiled = new Map<string, jsonata.Expression>()

/** The source of a JSONata expression, or undefined if the string stands for itself. */
export const expressionIn = (text: string): string | undefined => /^\s*\{%([\s\S]*)%\}\s*$/.exec(text)?.[1]?.trim()

/** Throws jsonata's own error when the source is no expression. */
export function compile(source: string): jsonata.Expression {
  const known = compiled.get(source)
  if (known) return known
  const expression = jsonata(source)
  compiled.set(source, expression)
  return expression
}

function partition(list: readonly unknown[], size: number): unknown[][] {
  const parts: unknown[][] = []
  for (let start = 0; start < list.length; start += size) parts.push(list.slice(start, start + size))
  return parts
}

function range(first: number, last: number, step: number): number[] {
  if (!step) throw new Error('$range needs a step other than 0')
  const numbers: number[] = []
  for (let value = first; step > 0 ? value <= last : value >= last; value += step) numbers.push(value)
  return numbers
}

const HASHES: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

function hash(value: unknown, algorithm: string): string {
  const name = HASHES[algorithm]
  if (!name) throw new Error(`$hash does not know the algorithm ${algorithm}`)
  return createHash(name)
    .update(typeof value === 'string' ? value : JSON.stringify(value))
    .digest('hex')
}

/** The functions that Step Functions adds to JSONata, time read from the virtual clock, and no `$eval` (AWS facts C.2). */
export function functionsOf(clock: Clock, random: Random): Bindings {
  return {
    partition,
    range,
    hash,
    random: (seed?: number) => (seed === undefined ? random : seededRandom(seed)).fraction(),
    uuid: () => random.uuid(),
    parse: (text: string): unknown => JSON.parse(text),
    millis: () => clock.now(),
    now: (picture?: string, timeZone?: string) =>
      compile('$fromMillis($ms, $picture, $timeZone)').evaluate(undefined, { ms: clock.now(), picture, timeZone }),
    eval: undefined,
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error || (typeof error === 'object' && error !== null && 'message' in error)))
    return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : ''
  return code + String(error.message)
}

async function evaluateExpression(source: string, location: string, bindings: Bindings): Promise<unknown> {
  const subject = `The JSONata expression '${source}' specified for the field '${location}'`
  let value: unknown
  try {
    value = await compile(source).evaluate(undefined, { ...bindings })
  } catch (error) {
    throw new EvaluationFailure(location, `${subject} threw an error during evaluation. ${messageOf(error)}`)
  }
  // By way of JSON, because JSONata hangs its own marks on arrays, and because a function is no value here.
  const text = JSON.stringify(value)
  if (text === undefined) throw new EvaluationFailure(location, `${subject} returned nothing (undefined).`)
  return JSON.parse(text)
}

const constants = new WeakMap<object, boolean>()

/** Whether no expression is anywhere in it: most templates of a definition are looked at again and again. */
export function isConstant(template: Template): boolean {
  if (typeof template === 'string') return expressionIn(template) === undefined
  if (typeof template !== 'object' || template === null) return true
  const known = constants.get(template)
  if (known !== undefined) return known
  const constant = Object.values(template).every(isConstant)
  constants.set(template, constant)
  return constant
}

/** Fills a template in. `location` is the field that holds it. Throws EvaluationFailure. */
export async function evaluateTemplate(template: Template, location: string, bindings: Bindings): Promise<unknown> {
  if (isConstant(template)) return template
  if (typeof template === 'string') return evaluateExpression(expressionIn(template) ?? '', location, bindings)
  if (Array.isArray(template)) {
    const filled: unknown[] = []
    for (const [index, value] of template.entries())
      filled.push(await evaluateTemplate(value, `${location}[${index}]`, bindings))
    return filled
  }
  if (typeof template !== 'object' || template === null) return template
  const entries: [string, unknown][] = []
  for (const [key, value] of Object.entries(template))
    entries.push([key, await evaluateTemplate(value, `${location}/${key}`, bindings)])
  return Object.fromEntries(entries)
}
