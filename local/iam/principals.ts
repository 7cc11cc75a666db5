/** Who asks, and whom a policy's Principal element means. */
import { malformed, unknownToEvaluator } from './refusals.ts'

export type Principal =
  | { readonly kind: 'root'; readonly accountId: string; readonly arn: string }
  | { readonly kind: 'user'; readonly accountId: string; readonly arn: string }
  /** `arn` is the session's, `roleArn` that of the role with its path. */
  | { readonly kind: 'session'; readonly accountId: string; readonly arn: string; readonly roleArn: string }
  /** An AWS service that acts for itself, e.g. `events.amazonaws.com`; `arn` is its name. */
  | { readonly kind: 'service'; readonly accountId: string; readonly arn: string }

/**
 * How closely a policy names a principal: an account only delegates to the policies of its own users and roles; a role's
 * grant is still limited by a permissions boundary and a session policy, which that of a user or a session is not.
 */
export type PrincipalMatch = 'itself' | 'role' | 'everyone' | 'account' | 'service'

export type PrincipalMatcher = (principal: Principal) => PrincipalMatch | undefined

const IAM_PRINCIPAL =
  /^arn:aws:(?:iam::\d{12}:(?:root|(?:user|role)\/[^*?]+)|sts::\d{12}:assumed-role\/[^/*?]+\/[^/*?]+)$/

/** @throws AwsError MalformedPolicyDocument; NotImplemented for federated and canonical users */
export function compilePrincipals(element: unknown): PrincipalMatcher {
  if (element === '*') return everyone
  if (typeof element !== 'object' || element === null || Array.isArray(element))
    throw malformed('Invalid principal in policy.')
  const matchers = Object.entries(element).flatMap(([type, names]: [string, unknown]) =>
    [names].flat().map((name) => compilePrincipal(type, name)),
  )
  return (principal) => closest(matchers.map((matches) => matches(principal)))
}

const everyone: PrincipalMatcher = ({ kind }) => (kind === 'service' ? undefined : 'everyone')

const CLOSENESS: readonly PrincipalMatch[] = ['service', 'itself', 'role', 'everyone', 'account']

const closest = (matches: readonly (PrincipalMatch | undefined)[]): PrincipalMatch | undefined =>
  CLOSENESS.find((match) => matches.includes(match))

function compilePrincipal(type: string, name: unknown): PrincipalMatcher {
  if (typeof name !== 'string') throw malformed('Invalid principal in policy.')
  if (type === 'Service') return ({ kind, arn }) => (kind === 'service' && arn === name ? 'service' : undefined)
  if (type !== 'AWS') throw unknownToEvaluator(`principals of the type ${type}`)
  if (name === '*') return everyone
  if (/^\d{12}$/.test(name)) return accountMatcher(name)
  if (!IAM_PRINCIPAL.test(name)) throw malformed(`Invalid principal in policy: "AWS":"${name}"`)
  const [, accountId = ''] = /^arn:aws:iam::(\d{12}):root$/.exec(name) ?? []
  if (accountId) return accountMatcher(accountId)
  return (principal) => {
    if (principal.arn === name) return 'itself'
    return principal.kind === 'session' && principal.roleArn === name ? 'role' : undefined
  }
}

const accountMatcher =
  (accountId: string): PrincipalMatcher =>
  (principal) =>
    principal.kind !== 'service' && principal.accountId === accountId ? 'account' : undefined
