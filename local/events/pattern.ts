/**
 * Event patterns as EventBridge matches them: a pattern names fields, each with a list of values of which one must match.
 * Strings are compared case by case; a field of the event that is a list matches by any of its elements.
 */
import { BlockList, isIP } from 'node:net'
import { AwsError } from '../wire/service.ts'

type Json = Readonly<Record<string, unknown>>

/** Whether an event fits. */
export type Matches = (event: Json) => boolean
/** Whether one value of the event fits. */
type ValueTest = (value: unknown) => boolean
/** Whether a field fits, given its leaf values: none if it is absent, several if it is a list. */
type FieldTest = (leaves: readonly unknown[]) => boolean

const invalid = (reason: string): AwsError =>
  new AwsError('InvalidEventPatternException', `Event pattern is not valid. Reason: ${reason}`)

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown, matcher: string): string => {
  if (typeof value !== 'string') throw invalid(`${matcher} match pattern must be a string`)
  return value
}

const onText =
  (test: (value: string) => boolean): ValueTest =>
  (value) =>
    typeof value === 'string' && test(value)

const isOneOf =
  (allowed: readonly unknown[]): ValueTest =>
  (value) =>
    allowed.includes(value)

function ignoringCase(wanted: unknown): ValueTest {
  const lower = text(wanted, 'equals-ignore-case').toLowerCase()
  return onText((value) => value.toLowerCase() === lower)
}

/** `prefix` and `suffix` take a string, or `{ "equals-ignore-case": string }`. */
function atEdge(matcher: 'prefix' | 'suffix', wanted: unknown): ValueTest {
  const fits = (value: string, edge: string): boolean =>
    matcher === 'prefix' ? value.startsWith(edge) : value.endsWith(edge)
  if (!isObject(wanted)) {
    const edge = text(wanted, matcher)
    return onText((value) => fits(value, edge))
  }
  const edge = text(onlyEntry(wanted, ['equals-ignore-case'])[1], 'equals-ignore-case').toLowerCase()
  return onText((value) => fits(value.toLowerCase(), edge))
}

function wildcard(wanted: unknown): ValueTest {
  const pattern = text(wanted, 'wildcard')
  if (pattern.includes('**')) throw invalid('Consecutive wildcard characters at pos ' + pattern.indexOf('**'))
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*')
  const expression = new RegExp(`^${source}$`, 's')
  return onText((value) => expression.test(value))
}

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
}

/** `["=", 5]`, `[">", 0]`, or a range: a lower bound, then an upper one. */
function numeric(wanted: unknown): ValueTest {
  if (!Array.isArray(wanted)) throw invalid('Value of numeric must be an array.')
  if (wanted.length !== 2 && wanted.length !== 4)
    throw invalid('Invalid member in numeric match: wrong number of elements')
  const tests: ((value: number) => boolean)[] = []
  for (let at = 0; at < wanted.length; at += 2) {
    const compare = COMPARISONS[String(wanted[at])]
    const bound: unknown = wanted[at + 1]
    if (!compare) throw invalid(`Unrecognized numeric range operator: ${String(wanted[at])}`)
    if (typeof bound !== 'number') throw invalid(`Value of ${String(wanted[at])} must be numeric`)
    tests.push((value) => compare(value, bound))
  }
  if (wanted.length === 4) {
    if (!/^>=?$/.test(String(wanted[0]))) throw invalid(`Too many elements in numeric expression`)
    if (!/^<=?$/.test(String(wanted[2]))) throw invalid(`Bad numeric range operator: ${String(wanted[2])}`)
    if (Number(wanted[1]) >= Number(wanted[3])) throw invalid('Bottom must be less than top')
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value))
}

function onlyEntry(expression: Json, allowed: readonly string[]): [string, unknown] {
  const [entry, ...rest] = Object.entries(expression)
  if (!entry) throw invalid('Empty objects are not allowed')
  if (rest.length > 0) throw invalid('Only one key allowed in match expression')
  if (!allowed.includes(entry[0])) throw invalid(`Unrecognized match type ${entry[0]}`)
  return entry
}

/** An address block, of either version: `10.0.0.0/24`. */
function cidr(wanted: unknown): ValueTest {
  const [address = '', bits = '', ...rest] = text(wanted, 'cidr').split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128))
    throw invalid(`Malformed CIDR, one '/' required`)
  const block = new BlockList()
  const family = version === 4 ? 'ipv4' : 'ipv6'
  block.addSubnet(address, Number(bits), family)
  return onText((value) => isIP(value) === version && block.check(value, family))
}

const MATCHERS: Readonly<Record<string, (wanted: unknown) => ValueTest>> = {
  prefix: (wanted) => atEdge('prefix', wanted),
  suffix: (wanted) => atEdge('suffix', wanted),
  'equals-ignore-case': ignoringCase,
  wildcard,
  numeric,
  cidr,
}

/** What `anything-but` excludes: a value, a list, or one of the text matchers with a value or a list. */
function excluded(wanted: unknown): ValueTest {
  if (isObject(wanted)) {
    const [matcher, values] = onlyEntry(wanted, ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'])
    const tests = [values].flat().map((value) => MATCHERS[matcher]?.(value))
    return (value) => tests.some((test) => test?.(value))
  }
  const values: unknown[] = [wanted].flat()
  if (values.length === 0) throw invalid('Empty arrays are not allowed')
  if (!values.every((value) => typeof value === 'string' || typeof value === 'number'))
    throw invalid('Inside anything but list, start|null|boolean is not supported.')
  return isOneOf(values)
}

function compileElement(element: unknown): FieldTest {
  if (!isObject(element)) {
    if (Array.isArray(element)) throw invalid('Arrays of arrays are not allowed')
    return (leaves) => leaves.includes(element)
  }
  const [matcher, wanted] = onlyEntry(element, [...Object.keys(MATCHERS), 'anything-but', 'exists'])
  if (matcher === 'exists') {
    if (typeof wanted !== 'boolean') throw invalid('exists match pattern must be either true or false.')
    return (leaves) => leaves.length > 0 === wanted
  }
  if (matcher === 'anything-but') {
    const isExcluded = excluded(wanted)
    return (leaves) => leaves.some((leaf) => !isExcluded(leaf))
  }
  const test = MATCHERS[matcher]?.(wanted)
  return (leaves) => leaves.some((leaf) => test?.(leaf))
}

function compileField(name: string, pattern: unknown): Matches {
  if (Array.isArray(pattern)) {
    if (pattern.length === 0) throw invalid('Empty arrays are not allowed')
    const tests = pattern.map(compileElement)
    return (event) => {
      const leaves = [event[name]].flat().filter((value) => value !== undefined && !isObject(value))
      return tests.some((test) => test(leaves))
    }
  }
  if (!isObject(pattern)) throw invalid(`"${name}" must be an object or an array`)
  const nested = compileObject(pattern)
  return (event) => {
    const values = [event[name]].flat().filter(isObject)
    // An absent object can still fit: every field of it must then be one that may be absent.
    return values.length === 0 ? nested({}) : values.some(nested)
  }
}

const isAlternatives = (name: string, pattern: unknown): pattern is readonly Json[] =>
  name === '$or' && Array.isArray(pattern) && pattern.length > 1 && pattern.every(isObject)

function compileObject(pattern: Json): Matches {
  const entries = Object.entries(pattern)
  if (entries.length === 0) throw invalid('Empty objects are not allowed')
  const tests = entries.map(([name, wanted]): Matches => {
    if (!isAlternatives(name, wanted)) return compileField(name, wanted)
    const alternatives = wanted.map(compileObject)
    return (event) => alternatives.some((matches) => matches(event))
  })
  return (event) => tests.every((matches) => matches(event))
}

/** Compiles a pattern as PutRule takes it. Throws AwsError `InvalidEventPatternException`. */
export function compilePattern(source: string): Matches {
  let pattern: unknown
  try {
    pattern = JSON.parse(source)
  } catch {
    throw invalid('Invalid JSON')
  }
  if (!isObject(pattern)) throw invalid('Filter is not an object')
  return compileObject(pattern)
}
