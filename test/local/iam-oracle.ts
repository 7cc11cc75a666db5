/**
 * A second evaluator of IAM policies, to hold ours against: no compiling and no caches, each rule as the IAM user guide tells it
 * (policy evaluation logic; condition operators with several keys or values). It knows less: no variables, no NotPrincipal.
 */
type Values = string | readonly string[]

export interface OracleStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: Values
  readonly NotAction?: Values
  readonly Resource?: Values
  readonly NotResource?: Values
  readonly Principal?: '*' | { readonly AWS: string } | { readonly Service: string }
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Values>>>>
}

export interface OracleRequest {
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, Values>>
  /** All names under which policies may mean who asks; `account` is the account whose name stands for all in it. */
  readonly names: {
    readonly itself: string
    readonly role?: string
    readonly account?: string
    readonly isService: boolean
    readonly isRoot: boolean
  }
}

export interface OraclePolicies {
  readonly identity: readonly OracleStatement[]
  readonly boundary?: readonly OracleStatement[] | undefined
  readonly session?: readonly OracleStatement[] | undefined
  readonly resource?: readonly OracleStatement[] | undefined
  readonly isCrossAccount: boolean
  readonly resourceMustAllow: boolean
}

const list = (values: Values | undefined): readonly string[] => (values === undefined ? [] : [values].flat())

/** `*` stands for any characters, `?` for one: decided letter by letter. */
export function wild(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return wild(pattern.slice(1), text) || (text !== '' && wild(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && wild(pattern.slice(1), text.slice(1))
}

/** The guide's table: operator → whether one value of the request agrees with one of the policy. */
const AGREES: Readonly<Record<string, (given: string, wanted: string) => boolean>> = {
  StringEquals: (given, wanted) => given === wanted,
  StringEqualsIgnoreCase: (given, wanted) => given.toLowerCase() === wanted.toLowerCase(),
  StringLike: (given, wanted) => wild(wanted, given),
  NumericEquals: (given, wanted) => Number(given) === Number(wanted),
  NumericLessThan: (given, wanted) => Number(given) < Number(wanted),
  NumericGreaterThanEquals: (given, wanted) => Number(given) >= Number(wanted),
  Bool: (given, wanted) => given === wanted,
}

/**
 * "Values of one key: OR. Negated operators: NOR. A key that is not in the request: a positive operator is false, a negated one true,
 * `…IfExists` true. `ForAllValues` is true of no values at all, `ForAnyValue` false."
 */
function conditionHolds(
  operator: string,
  key: string,
  wanted: readonly string[],
  context: OracleRequest['context'],
): boolean {
  const given = list(context[key])
  if (operator === 'Null') return wanted.some((value) => (value === 'true') === (given.length === 0))
  const quantifier = operator.split(':').length > 1 ? operator.split(':')[0] : undefined
  const bare = operator.replace(/^.*:/, '').replace(/IfExists$/, '')
  const isNegated = bare.includes('Not')
  const agrees = AGREES[bare.replace('Not', '')]!
  const one = (value: string): boolean => wanted.some((want) => agrees(value, want)) !== isNegated
  if (given.length === 0) {
    if (operator.endsWith('IfExists') || quantifier === 'ForAllValues') return true
    return quantifier === undefined && isNegated
  }
  return quantifier === 'ForAllValues' ? given.every(one) : given.some(one)
}

function speaksOf(statement: OracleStatement, { action, resource, context }: OracleRequest): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement
  const isAction = (pattern: string): boolean => wild(pattern.toLowerCase(), action.toLowerCase())
  const isResource = (pattern: string): boolean => wild(pattern, resource)
  if (Action !== undefined && !list(Action).some(isAction)) return false
  if (NotAction !== undefined && list(NotAction).some(isAction)) return false
  if (Resource !== undefined && !list(Resource).some(isResource)) return false
  if (NotResource !== undefined && list(NotResource).some(isResource)) return false
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => conditionHolds(operator, key, list(wanted), context)),
  )
}

type How = 'itself' | 'role' | 'everyone' | 'account' | 'service' | undefined

function meant({ Principal }: OracleStatement, { names }: OracleRequest): How {
  if (Principal === undefined) return 'itself'
  if (names.isService)
    return typeof Principal === 'object' && 'Service' in Principal && Principal.Service === names.itself
      ? 'service'
      : undefined
  if (Principal === '*') return 'everyone'
  if (!('AWS' in Principal)) return undefined
  if (Principal.AWS === '*') return 'everyone'
  if (Principal.AWS === names.account || Principal.AWS === `arn:aws:iam::${names.account}:root`) return 'account'
  if (Principal.AWS === names.itself) return 'itself'
  return Principal.AWS === names.role ? 'role' : undefined
}

/** What the flow chart of the guide comes to: `denied` explicitly, `allowed`, or neither. */
export function oracle(request: OracleRequest, policies: OraclePolicies): 'allowed' | 'denied' | 'not allowed' {
  const { identity, boundary, session, resource = [] } = policies
  const speaking = (statements: readonly OracleStatement[], effect: string) =>
    statements.filter((one) => one.Effect === effect && meant(one, request) !== undefined && speaksOf(one, request))
  const all = [...identity, ...(boundary ?? []), ...(session ?? []), ...resource]
  if (speaking(all, 'Deny').length > 0) return 'denied'

  const grants = new Set(speaking(resource, 'Allow').map((one) => meant(one, request)))
  const byIdentity = request.names.isRoot || speaking(identity, 'Allow').length > 0
  const within = [boundary, session].every((limit) => limit === undefined || speaking(limit, 'Allow').length > 0)
  const { isCrossAccount, resourceMustAllow } = policies
  const rows: readonly boolean[] = [
    // A service has no policies of its own.
    request.names.isService && grants.size > 0,
    // Same account: a grant to the very user or session is enough, whatever limits him by not allowing.
    !request.names.isService && !isCrossAccount && grants.has('itself'),
    // Same account: a grant to the role or to everyone is enough within boundary and session policy.
    !request.names.isService && !isCrossAccount && within && (grants.has('role') || grants.has('everyone')),
    // Same account, no such grant: his own policies, unless the resource keeps them out (KMS keys, roles).
    !request.names.isService && !isCrossAccount && within && byIdentity && (!resourceMustAllow || grants.size > 0),
    // Across accounts both sides must allow.
    !request.names.isService && isCrossAccount && within && byIdentity && grants.size > 0,
  ]
  return rows.includes(true) ? 'allowed' : 'not allowed'
}
