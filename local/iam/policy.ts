/** Policy documents, read strictly: what AWS would refuse, or this account would ignore, is refused when it is written. */
import { compileConditions, type Condition } from './conditions.ts'
import { compilePattern, variablesIn, type Matcher } from './patterns.ts'
import { compilePrincipals, type PrincipalMatcher } from './principals.ts'
import { cardinalityOf } from './condition-keys.ts'
import { malformed, unknownToEvaluator } from './refusals.ts'

/** `identity`: of a user or role. `resource`: of a bucket, key, queue, function. `trust`: who may assume a role. */
export type PolicyKind = 'identity' | 'resource' | 'trust'

export interface Statement {
  /** Name of the policy and number of the statement in it, for those who ask which one decided. */
  readonly name: string
  readonly effect: 'Allow' | 'Deny'
  readonly matchesAction: (action: string) => boolean
  readonly matchesResource: Matcher
  /** Absent in identity policies: they are about whom they are attached to. */
  readonly matchesPrincipal?: PrincipalMatcher
  readonly conditions: readonly Condition[]
}

export interface Policy {
  readonly statements: readonly Statement[]
}

const POLICY_ELEMENTS = ['Version', 'Id', 'Statement']
const STATEMENT_ELEMENTS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]

type Elements = Readonly<Record<string, unknown>>

/**
 * @param document JSON text, or what it stands for
 * @throws AwsError MalformedPolicyDocument; NotImplemented for an operator, key or variable that the evaluator does not know
 */
export function parsePolicy(document: unknown, kind: PolicyKind, name: string): Policy {
  const policy = elementsOf(typeof document === 'string' ? parseJson(document) : document, POLICY_ELEMENTS)
  const version = policy['Version'] ?? '2008-10-17'
  if (version !== '2012-10-17' && version !== '2008-10-17')
    throw malformed('The policy must contain a valid version string')
  const statements = [policy['Statement']].flat()
  if (policy['Statement'] === undefined || statements.length === 0) throw malformed('Syntax errors in policy.')
  return {
    statements: statements.map((statement, index) =>
      parseStatement(elementsOf(statement, STATEMENT_ELEMENTS), kind, {
        name: `${name}#${index}`,
        hasVariables: version === '2012-10-17',
      }),
    ),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('Syntax errors in policy.')
  }
}

function elementsOf(value: unknown, allowed: readonly string[]): Elements {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('Syntax errors in policy.')
  for (const name of Object.keys(value))
    if (!allowed.includes(name)) throw malformed(`Syntax errors in policy: unknown element ${name}.`)
  return { ...value }
}

interface Around {
  readonly name: string
  readonly hasVariables: boolean
}

function parseStatement(elements: Elements, kind: PolicyKind, { name, hasVariables }: Around): Statement {
  const { Effect: effect, Condition: condition } = elements
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed(`Invalid effect: ${String(effect)}`)
  const principals = principalsOf(elements, kind, effect)
  return {
    name,
    effect,
    matchesAction: actionsOf(elements),
    matchesResource: resourcesOf(elements, kind, hasVariables),
    ...(principals ? { matchesPrincipal: principals } : {}),
    conditions: compileConditions(condition, hasVariables),
  }
}

/** One of an element and its negation must be there. */
function oneOf(elements: Elements, name: string, what: string): { values: string[]; isNegated: boolean } {
  const positive = elements[name]
  const negative = elements[`Not${name}`]
  if ((positive === undefined) === (negative === undefined)) throw malformed(`Policy statement must contain ${what}.`)
  const values: unknown[] = [positive ?? negative].flat()
  const texts = values.filter((value) => typeof value === 'string')
  if (texts.length < values.length || texts.length === 0) throw malformed(`Policy statement must contain ${what}.`)
  return { values: texts, isNegated: positive === undefined }
}

const noContext = (): undefined => undefined

function actionsOf(elements: Elements): (action: string) => boolean {
  const { values, isNegated } = oneOf(elements, 'Action', 'actions')
  for (const value of values)
    if (!/^(\*|[a-zA-Z0-9-]+:[\w*?-]+)$/.test(value))
      throw malformed(`Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: ${value}`)
  const matchers = values.map((value) => compilePattern(value, 'glob', { hasVariables: false, ignoresCase: true }))
  return (action) => matchers.some((matches) => matches(action, noContext)) !== isNegated
}

function resourcesOf(elements: Elements, kind: PolicyKind, hasVariables: boolean): Matcher {
  if (kind === 'trust') {
    if (elements['Resource'] !== undefined || elements['NotResource'] !== undefined)
      throw malformed('Has prohibited field Resource')
    return () => true
  }
  const { values, isNegated } = oneOf(elements, 'Resource', 'resources')
  for (const value of values) checkResource(value, hasVariables)
  const matchers = values.map((value) => compilePattern(value, 'arn', { hasVariables }))
  if (!isNegated) return (resource, context) => matchers.some((matches) => matches(resource, context) === true)
  return (resource, context) => matchers.every((matches) => matches(resource, context) === false)
}

function checkResource(resource: string, hasVariables: boolean): void {
  if (resource !== '*' && !/^arn:[^:*?]+:[^:*?]+:/.test(resource))
    throw malformed(`Resource ${resource} must be in ARN format or "*".`)
  for (const variable of hasVariables ? variablesIn(resource) : [])
    if (cardinalityOf(variable) !== 'one') throw unknownToEvaluator(`the policy variable ${variable}`)
}

function principalsOf(elements: Elements, kind: PolicyKind, effect: string): PrincipalMatcher | undefined {
  const { Principal: principal, NotPrincipal: notPrincipal } = elements
  if (kind === 'identity') {
    if (principal !== undefined || notPrincipal !== undefined)
      throw malformed('Policy document should not specify a principal.')
    return undefined
  }
  if ((principal === undefined) === (notPrincipal === undefined)) throw malformed('Missing required field Principal')
  if (principal !== undefined) return compilePrincipals(principal)
  if (effect === 'Allow') throw unknownToEvaluator('NotPrincipal with the effect Allow')
  const excepted = compilePrincipals(notPrincipal)
  return (asking) => (excepted(asking) === undefined ? 'everyone' : undefined)
}
