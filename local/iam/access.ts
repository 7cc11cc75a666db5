/** What IAM is asked before an operation of its own runs (Service Authorization Reference, IAM). */
import { request, requestTags, type AccessContext, type AccessMap } from '../wire/access.ts'
import type { AccessOf, Caller } from '../wire/service.ts'

interface Named {
  readonly RoleName?: string
  readonly UserName?: string
  readonly InstanceProfileName?: string
  readonly PolicyName?: string
  readonly PolicyArn?: string
  readonly Path?: string
  readonly PermissionsBoundary?: string
  readonly Tags?: readonly { readonly Key?: string; readonly Value?: string }[]
}

/** Role, user, profile or policy by its name; its path is known only where it is made. */
export type ArnOf = (accountId: string, kind: 'role' | 'user' | 'instance-profile', name: string) => string | undefined

const KINDS = [
  ['RoleName', 'role'],
  ['UserName', 'user'],
  ['InstanceProfileName', 'instance-profile'],
] as const

/** The profile's operations with a role ask about the profile, the role's own are about the role. */
function resourceOf(operation: string, input: Named, caller: Caller, arnOf: ArnOf): string {
  const { accountId } = caller
  const isOfProfile = operation.includes('InstanceProfile')
  for (const [member, kind] of KINDS) {
    const name = input[member]
    if (name === undefined || (isOfProfile && kind === 'role')) continue
    return arnOf(accountId, kind, name) ?? `arn:aws:iam::${accountId}:${kind}${input.Path ?? '/'}${name}`
  }
  if (/^(Get|Delete|Create|List)Policy/.test(operation) || operation.endsWith('PolicyVersion'))
    return input.PolicyArn ?? `arn:aws:iam::${accountId}:policy${input.Path ?? '/'}${input.PolicyName ?? '*'}`
  // Without a name, a user's operations are about the caller.
  return /User$|AccessKeys?$/.test(operation) && caller.arn.includes(':user/') ? caller.arn : '*'
}

function contextOf(operation: string, input: Named): AccessContext {
  const isAttachment = /^(Attach|Detach)(Role|User)Policy$/.test(operation)
  return {
    ...requestTags(input.Tags),
    ...(isAttachment && input.PolicyArn !== undefined ? { 'iam:PolicyARN': input.PolicyArn } : {}),
    ...(input.PermissionsBoundary === undefined ? {} : { 'iam:PermissionsBoundary': input.PermissionsBoundary }),
  }
}

/** Lists are about the whole account. */
const LISTS = new Set(['ListRoles', 'ListUsers', 'ListPolicies', 'ListInstanceProfiles'])

export function iamAccess(operations: readonly string[], arnOf: ArnOf): AccessMap {
  const access =
    (operation: string): AccessOf =>
    (input: Named, caller) => [
      request(
        `iam:${operation}`,
        LISTS.has(operation) ? '*' : resourceOf(operation, input, caller, arnOf),
        contextOf(operation, input),
      ),
    ]
  return Object.fromEntries(operations.map((name) => [name, access(name)]))
}
