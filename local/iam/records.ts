/** What IAM keeps: plain data, one set of records per account. */
import { createHash } from 'node:crypto'

export interface Entity {
  readonly arn: string
  /** `AROA…`, `AIDA…`, `ANPA…`, `AIPA…` */
  readonly id: string
  readonly name: string
  readonly path: string
  readonly createdMs: number
  readonly tags: Map<string, string>
}

/** A user or a role: who has policies. */
export interface Holder extends Entity {
  /** Inline policies, name → document. */
  readonly inline: Map<string, string>
  /** ARNs of managed policies. */
  readonly attached: Set<string>
  boundaryArn?: string
}

export interface RoleRecord extends Holder {
  /** The trust policy. */
  trust: string
  description?: string
  maxSessionSeconds: number
}

export interface AccessKeyRecord {
  readonly id: string
  readonly createdMs: number
  isActive: boolean
}

export interface UserRecord extends Holder {
  readonly accessKeys: Map<string, AccessKeyRecord>
}

export interface PolicyVersionRecord {
  readonly id: string
  readonly document: string
  readonly createdMs: number
}

export interface ManagedPolicyRecord extends Entity {
  readonly versions: Map<string, PolicyVersionRecord>
  defaultVersionId: string
  /** Of the version made last; numbers are not used twice. */
  lastVersion: number
  description?: string
}

export interface ProfileRecord extends Entity {
  roleName?: string
}

export interface AccountRecords {
  readonly accountId: string
  readonly roles: Map<string, RoleRecord>
  readonly users: Map<string, UserRecord>
  /** By name. */
  readonly policies: Map<string, ManagedPolicyRecord>
  readonly profiles: Map<string, ProfileRecord>
}

export interface IamState {
  readonly accounts: Map<string, AccountRecords>
  /** ARN of a bucket, queue, function or key → its policy, of services that do not keep theirs themselves. */
  readonly resourcePolicies: Map<string, string>
  /** ARN of a bucket or table → ARN of the customer's key that encrypts it. */
  readonly dataKeys: Map<string, string>
}

export const ADMINISTRATOR_ACCESS = 'arn:aws:iam::aws:policy/AdministratorAccess'

export const emptyState = (): IamState => ({ accounts: new Map(), resourcePolicies: new Map(), dataKeys: new Map() })

/** An id that belongs to an ARN and its moment, so that a role that is made again has another, as in AWS. */
export const uniqueId = (prefix: string, arn: string, createdMs: number): string =>
  prefix + createHash('sha256').update(`${arn}@${createdMs}`).digest('hex').toUpperCase().slice(0, 17)

/** The records of an account; one that is new has its administrator, who is allowed everything by policy. */
export function recordsOf(state: IamState, accountId: string, administrator: string): AccountRecords {
  const known = state.accounts.get(accountId)
  if (known) return known
  const arn = `arn:aws:iam::${accountId}:user/${administrator}`
  const records: AccountRecords = {
    accountId,
    roles: new Map(),
    users: new Map(),
    policies: new Map(),
    profiles: new Map(),
  }
  records.users.set(administrator, {
    arn,
    id: uniqueId('AIDA', arn, 0),
    name: administrator,
    path: '/',
    createdMs: 0,
    tags: new Map(),
    inline: new Map(),
    attached: new Set([ADMINISTRATOR_ACCESS]),
    accessKeys: new Map(),
  })
  state.accounts.set(accountId, records)
  return records
}
