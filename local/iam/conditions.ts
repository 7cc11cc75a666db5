/** The Condition element of a policy statement. */
import { BlockList, isIP } from 'node:net'
import { cardinalityOf } from './condition-keys.ts'
import { malformed, unknownToEvaluator } from './refusals.ts'
import { compilePattern, variablesIn, type Context, type ContextValue, type Matcher } from './patterns.ts'

/** Whether a request fulfils a condition. */
export type Condition = (context: Context) => boolean

/** Builds the matcher of one value of the policy. */
type Comparison = (value: string, hasVariables: boolean) => Matcher

const text =
  (reading: 'glob' | 'arn' | 'literal', ignoresCase = false): Comparison =>
  (value, hasVariables) =>
    compilePattern(value, reading, { hasVariables, ignoresCase })

const numeric =
  (holds: (given: number, wanted: number) => boolean): Comparison =>
  (value) => {
    const wanted = numberOf(value)
    if (Number.isNaN(wanted)) throw malformed(`The value '${value}' of a condition is not a number.`)
    return (given) => holds(numberOf(given), wanted)
  }

/** `Number('')` is 0, which a text without a number is not. */
const numberOf = (value: string): number => (value.trim() === '' ? NaN : Number(value))

const date =
  (holds: (given: number, wanted: number) => boolean): Comparison =>
  (value) => {
    const wanted = millisecondsOf(value)
    if (Number.isNaN(wanted)) throw malformed(`The value '${value}' of a condition is not a date.`)
    return (given) => holds(millisecondsOf(given), wanted)
  }

/** ISO 8601, or seconds since 1970. */
const millisecondsOf = (value: string): number => (/^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value))

const bool: Comparison = (value) => {
  const wanted = value.toLowerCase()
  if (wanted !== 'true' && wanted !== 'false')
    throw malformed(`The value '${value}' of a condition is neither true nor false.`)
  return (given) => given.toLowerCase() === wanted
}

const ipAddress: Comparison = (value) => {
  const [address = '', bits] = value.split('/')
  const version = isIP(address)
  const length = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits)
  if (version === 0 || !Number.isInteger(length) || length < 0 || length > (version === 4 ? 32 : 128))
    throw malformed(`The value '${value}' of a condition is not an IP address range.`)
  const range = new BlockList()
  range.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6')
  return (given) => isIP(given) === version && range.check(given, version === 4 ? 'ipv4' : 'ipv6')
}

const equal = (given: number, wanted: number): boolean => given === wanted

/** What makes an operator true. Its negation, where there is one, is true whenever this is not: also when the key is absent. */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  StringEquals: text('literal'),
  StringEqualsIgnoreCase: text('literal', true),
  StringLike: text('glob'),
  NumericEquals: numeric(equal),
  NumericLessThan: numeric((given, wanted) => given < wanted),
  NumericLessThanEquals: numeric((given, wanted) => given <= wanted),
  NumericGreaterThan: numeric((given, wanted) => given > wanted),
  NumericGreaterThanEquals: numeric((given, wanted) => given >= wanted),
  DateEquals: date(equal),
  DateLessThan: date((given, wanted) => given < wanted),
  DateLessThanEquals: date((given, wanted) => given <= wanted),
  DateGreaterThan: date((given, wanted) => given > wanted),
  DateGreaterThanEquals: date((given, wanted) => given >= wanted),
  Bool: bool,
  BinaryEquals: text('literal'),
  IpAddress: ipAddress,
  ArnEquals: text('arn'),
  ArnLike: text('arn'),
}

const NEGATIONS: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
  NotIpAddress: 'IpAddress',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
}

interface Operator {
  readonly comparison: Comparison
  readonly isNegated: boolean
  readonly quantifier?: string
  readonly ifExists: boolean
}

function operatorNamed(name: string): Operator | 'Null' {
  const [, quantifier, base = '', suffix] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name) ?? []
  if (base === 'Null' && !quantifier && !suffix) return 'Null'
  const comparison = COMPARISONS[NEGATIONS[base] ?? base]
  if (!comparison) throw unknownToEvaluator(`the condition operator ${name}`)
  return {
    comparison,
    isNegated: base in NEGATIONS,
    ...(quantifier === undefined ? {} : { quantifier }),
    ifExists: suffix !== undefined,
  }
}

/** All conditions of a statement; each must hold. @throws AwsError for what is malformed, or not known to the evaluator */
export function compileConditions(block: unknown, hasVariables: boolean): Condition[] {
  if (block === undefined) return []
  return Object.entries(recordOf(block, 'Condition')).flatMap(([operator, keys]) =>
    Object.entries(recordOf(keys, operator)).map(([key, values]) =>
      compile(operator, key, valuesOf(values, key), hasVariables),
    ),
  )
}

function recordOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${name} is not an object.`)
  return { ...value }
}

function valuesOf(values: unknown, key: string): string[] {
  return [values].flat().map((value) => {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw malformed(`The value of the condition key ${key} is not a text, a number or a boolean.`)
    return String(value)
  })
}

function compile(operatorName: string, key: string, values: readonly string[], hasVariables: boolean): Condition {
  const cardinality = cardinalityOf(key)
  if (cardinality === undefined) throw unknownToEvaluator(`the condition key ${key}`)
  for (const variable of hasVariables ? values.flatMap(variablesIn) : [])
    if (cardinalityOf(variable) !== 'one') throw unknownToEvaluator(`the policy variable ${variable}`)
  const operator = operatorNamed(operatorName)
  const name = key.toLowerCase()
  if (operator === 'Null') return nullCondition(name, values)
  const { comparison, isNegated, quantifier, ifExists } = operator
  // AWS stores such a policy and decides in a way that it does not document: the policy checks of IAM call it an error.
  if (cardinality === 'many' && !quantifier)
    throw unknownToEvaluator(
      `${operatorName} without ForAllValues or ForAnyValue for ${key}, which may have several values`,
    )
  const matches = anyOf(
    values.map((value) => comparison(value, hasVariables)),
    isNegated,
  )
  const whenAbsent = ifExists || (quantifier ? quantifier === 'ForAllValues' : isNegated)
  return (context) => {
    const given = textsOf(context(name))
    if (given.length === 0) return whenAbsent
    return quantifier === 'ForAllValues'
      ? given.every((one) => matches(one, context))
      : given.some((one) => matches(one, context))
  }
}

function nullCondition(key: string, values: readonly string[]): Condition {
  const wanted = values.map((value) => value.toLowerCase() === 'true')
  return (context) => wanted.includes(textsOf(context(key)).length === 0)
}

/** Whether a given value matches any of the policy's, or none of them when negated. Nothing is true of an unknown variable. */
function anyOf(matchers: readonly Matcher[], isNegated: boolean): (given: string, context: Context) => boolean {
  if (!isNegated) return (given, context) => matchers.some((matches) => matches(given, context) === true)
  return (given, context) => matchers.every((matches) => matches(given, context) === false)
}

const textsOf = (value: ContextValue | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'object' ? value : [String(value)]
