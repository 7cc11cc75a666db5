import type { Principal } from './principals.ts'
import { recordsOf, type AccountRecords, type Holder, type IamState, type RoleRecord } from './records.ts'

/** Who there is: accounts, roles and users, by the names that requests have for them. */
export class Directory {
  readonly #state: IamState
  readonly #administrator: string

  /** @param administrator name of the IAM user that every account has */
  constructor(state: IamState, administrator: string) {
    this.#state = state
    this.#administrator = administrator
  }

  accountOf(accountId: string): AccountRecords {
    return recordsOf(this.#state, accountId, this.#administrator)
  }

  roleOf(roleArn: string): RoleRecord | undefined {
    const [, accountId = '', name = ''] = /^arn:aws:iam::(\d{12}):role\/(?:.+\/)?([^/]+)$/.exec(roleArn) ?? []
    const role = this.#state.accounts.get(accountId)?.roles.get(name)
    return role?.arn === roleArn ? role : undefined
  }

  /** From an ARN as GetCallerIdentity gives it, a role's ARN (a session of it), or the name of a service. */
  principalOf(arn: string, accountId: string): Principal {
    const [, , partitionService, , account = '', resource = ''] = arn.split(':')
    if (partitionService === undefined) return { kind: 'service', accountId, arn }
    if (resource === 'root') return { kind: 'root', accountId: account, arn }
    const [kind = '', ...names] = resource.split('/')
    if (kind === 'user') return { kind: 'user', accountId: account, arn }
    if (kind === 'role') return { kind: 'session', accountId: account, arn, roleArn: arn }
    const role = this.#state.accounts.get(account)?.roles.get(names[0] ?? '')
    const roleArn = role?.arn ?? `arn:aws:iam::${account}:role/${names[0] ?? ''}`
    return { kind: 'session', accountId: account, arn, roleArn }
  }

  /** The user or role whose policies count. */
  holderOf(principal: Principal): Holder | undefined {
    if (principal.kind === 'user') {
      const name = principal.arn.split('/').at(-1) ?? ''
      return this.accountOf(principal.accountId).users.get(name)
    }
    return principal.kind === 'session' ? this.roleOf(principal.roleArn) : undefined
  }
}
