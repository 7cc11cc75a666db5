/** From policies to a decision: explicit denial, else permission, else implicit denial. */
import type { Context } from './patterns.ts'
import type { Policy, Statement } from './policy.ts'
import type { Principal, PrincipalMatch } from './principals.ts'

/** Policies that count together, e.g. all that are attached to one role. Finds those of an action without reading the rest. */
export class PolicySet {
  readonly #statements: readonly Statement[]
  readonly #byAction = new Map<string, readonly Statement[]>()

  constructor(policies: readonly Policy[]) {
    this.#statements = policies.flatMap(({ statements }) => statements)
  }

  about(action: string): readonly Statement[] {
    const known = this.#byAction.get(action)
    if (known) return known
    const found = this.#statements.filter((statement) => statement.matchesAction(action))
    this.#byAction.set(action, found)
    return found
  }
}

export interface Question {
  readonly principal: Principal
  readonly action: string
  readonly resource: string
  readonly context: Context
}

/** All that has a say in a question. */
export interface Policies {
  readonly identity: PolicySet
  /** Permissions boundary of the user or role: allows nothing by itself. */
  readonly boundary?: PolicySet
  /** Given when the role was assumed: allows nothing by itself. */
  readonly session?: PolicySet
  /** Of the resource. */
  readonly resource?: PolicySet
  /** Whose the resource is; the principal's account unless told. */
  readonly resourceAccountId?: string
  /** Whether a grant of a KMS key lets the principal do it: as good as its key policy naming the principal. */
  readonly isGranted?: boolean
  /** Of KMS keys and of roles to be assumed: identity policies count only where the resource's policy names the account. */
  readonly resourceMustAllow?: boolean
}

export type PolicySort = 'identity-based policy' | 'resource-based policy' | 'permissions boundary' | 'session policy'

export type Decision =
  /** `by`: the statements without which it would not be allowed; none for the account's root. */
  | { readonly allowed: true; readonly by: readonly Statement[] }
  | { readonly allowed: false; readonly isExplicit: boolean; readonly sort: PolicySort }

const holds = ({ conditions }: Statement, context: Context): boolean =>
  conditions.every((condition) => condition(context))

interface Finding {
  readonly statement: Statement
  readonly match: PrincipalMatch | undefined
}

/** The statement of this effect that speaks of the question; of several allowances, the one that names the principal most closely. */
function find(set: PolicySet | undefined, effect: Statement['effect'], question: Question): Finding | undefined {
  let found: Finding | undefined
  for (const statement of set?.about(question.action) ?? []) {
    if (statement.effect !== effect) continue
    const match = statement.matchesPrincipal?.(question.principal)
    if (statement.matchesPrincipal && match === undefined) continue
    if (statement.matchesResource(question.resource, question.context) !== true) continue
    if (!holds(statement, question.context)) continue
    if (match !== 'account') return { statement, match }
    found ??= { statement, match }
  }
  return found
}

const refused = (sort: PolicySort, isExplicit = false): Decision => ({ allowed: false, isExplicit, sort })

/** As AWS's "policy evaluation logic" describes it, without the policies of organisations and VPC endpoints. */
export function decide(question: Question, policies: Policies): Decision {
  const { identity, boundary, session, resource, resourceAccountId } = policies
  const { kind, accountId } = question.principal
  if (find(identity, 'Deny', question)) return refused('identity-based policy', true)
  if (find(boundary, 'Deny', question)) return refused('permissions boundary', true)
  if (find(session, 'Deny', question)) return refused('session policy', true)
  if (find(resource, 'Deny', question)) return refused('resource-based policy', true)
  const grant = find(resource, 'Allow', question)
  const byResource = grant ? [grant.statement] : []
  const isGranted = policies.isGranted ?? false
  if (kind === 'service') return grant ? { allowed: true, by: byResource } : refused('resource-based policy')
  const isForeign = resourceAccountId !== undefined && resourceAccountId !== accountId
  if (!isForeign && (isGranted || grant?.match === 'itself')) return { allowed: true, by: byResource }
  if (boundary && !find(boundary, 'Allow', question)) return refused('permissions boundary')
  if (session && !find(session, 'Allow', question)) return refused('session policy')
  if (!isForeign && grant && grant.match !== 'account') return { allowed: true, by: byResource }
  const permission = find(identity, 'Allow', question)
  if (kind !== 'root' && !permission) return refused('identity-based policy')
  const needsGrant = isForeign || (policies.resourceMustAllow ?? false)
  if (needsGrant && !grant && !isGranted) return refused('resource-based policy')
  return { allowed: true, by: [...(permission ? [permission.statement] : []), ...(needsGrant ? byResource : [])] }
}
