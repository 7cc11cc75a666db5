/** Who has which policies, and what follows for a request. */
import type { Clock } from '../clock.ts'
import type { Identity } from '../identities.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'
import { AWS_MANAGED_POLICIES } from './aws-managed-policies.ts'
import { decide, PolicySet, type Decision, type Policies, type Question } from './decision.ts'
import { denialOf } from './denials.ts'
import type { Context, ContextValue } from './patterns.ts'
import { parsePolicy, type PolicyKind } from './policy.ts'
import type { Principal } from './principals.ts'
import { recordsOf, type AccountRecords, type Holder, type IamState } from './records.ts'

/** A decision that was made, for who wants to know which statements are needed. */
export interface ObservedDecision {
  readonly principalArn: string
  /** Name of the user or role whose policies decided. */
  readonly holder: string
  readonly action: string
  readonly resource: string
  readonly allowed: boolean
  /** `<policy>#<number of the statement>` */
  readonly by: readonly string[]
}

export interface AuthorityOptions {
  readonly clock: Clock
  readonly state: IamState
  /** Name of the IAM user that every account has. */
  readonly administrator: string
  readonly identify: (accessKeyId: string) => Identity | undefined
  /** Policies of resources whose service keeps them itself: by ARN; undefined: it has none. */
  readonly resourcePolicy?: (arn: string) => string | undefined
  /** Account of a bucket, whose ARN does not name it. */
  readonly bucketOwner?: (bucket: string) => string | undefined
  /** Whether a grant of a KMS key lets one of these principals do this. */
  readonly isGranted?: IsGranted
}

/** Whether a grant of the key `resource` gives an action, e.g. `kms:Decrypt`, to one of these ARNs. */
export type IsGranted = (request: AccessRequest, principals: readonly string[]) => boolean

const NOBODY = new PolicySet([])
/** Parsed documents that are remembered; a process with more than this many texts begins anew. */
const DOCUMENTS_MAX = 20_000

export class Authority {
  readonly observers: ((decision: ObservedDecision) => void)[] = []
  readonly #options: AuthorityOptions
  readonly #documents = new Map<string, PolicySet>()
  readonly #holders = new Map<Holder, PolicySet>()

  constructor(options: AuthorityOptions) {
    this.#options = options
  }

  accountOf(accountId: string): AccountRecords {
    return recordsOf(this.#options.state, accountId, this.#options.administrator)
  }

  /** @throws AwsError as the service words its denials, at the first request that is not allowed */
  authorize(service: string, caller: Caller, requests: readonly AccessRequest[]): void {
    const identity = this.#options.identify(caller.accessKeyId)
    const principal = this.principalOf(caller.arn, caller.accountId)
    const session = identity?.sessionPolicies && this.#sessionPolicies(caller.accessKeyId, identity.sessionPolicies)
    const around: Readonly<Record<string, ContextValue>> = {
      'aws:requestedregion': caller.region,
      'aws:sourceip': '127.0.0.1',
      ...(identity?.issuedMs === undefined ? {} : { 'aws:tokenissuetime': new Date(identity.issuedMs).toISOString() }),
    }
    for (const request of requests) this.#demand(service, principal, request, around, session)
  }

  /** What an AWS service does in the name of a principal, or for itself. A denial has the words of the action's service. */
  demand(principal: Principal, requests: readonly AccessRequest[], region: string): void {
    for (const request of requests)
      this.#demand(request.action.split(':')[0] ?? '', principal, request, { 'aws:requestedregion': region })
  }

  /** Policies, users or roles have changed. */
  forget(): void {
    this.#holders.clear()
  }

  /** Whether the trust policy of a role lets this principal assume it. undefined: there is no such role. */
  trust(
    roleArn: string,
    principal: Principal,
    context: AccessRequest['context'],
    region: string,
  ): Decision | undefined {
    const role = this.roleOf(roleArn)
    if (!role) return undefined
    const request = { action: 'sts:AssumeRole', resource: role.arn, context }
    return this.#decide(
      principal,
      request,
      { 'aws:requestedregion': region },
      {
        resource: this.#parsed(role.trust, 'trust', `trust of ${role.name}`),
        resourceMustAllow: true,
      },
    )
  }

  roleOf(roleArn: string) {
    const [, accountId = '', name = ''] = /^arn:aws:iam::(\d{12}):role\/(?:.+\/)?([^/]+)$/.exec(roleArn) ?? []
    const role = this.#options.state.accounts.get(accountId)?.roles.get(name)
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
    const role = this.#options.state.accounts.get(account)?.roles.get(names[0] ?? '')
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

  #demand(
    service: string,
    principal: Principal,
    request: AccessRequest,
    around: Readonly<Record<string, ContextValue>>,
    session?: PolicySet,
  ): void {
    const decision = this.#decide(principal, request, around, session ? { session } : {})
    if (this.observers.length > 0) this.#tell(principal, request, decision)
    if (decision.allowed) return
    const { action, resource } = request
    throw denialOf(service, { principal, action, resource, context: () => undefined, ...decision })
  }

  #tell(principal: Principal, { action, resource }: AccessRequest, decision: Decision): void {
    const holder = this.holderOf(principal)?.name ?? principal.arn
    const by = decision.allowed ? decision.by.map(({ name }) => name) : []
    for (const observe of this.observers)
      observe({ principalArn: principal.arn, holder, action, resource, allowed: decision.allowed, by })
  }

  #decide(
    principal: Principal,
    request: AccessRequest,
    around: Readonly<Record<string, ContextValue>>,
    more: Partial<Policies>,
  ): Decision {
    const holder = this.holderOf(principal)
    const { action, resource } = request
    const question: Question = {
      principal,
      action,
      resource,
      context: this.#contextOf(principal, holder, request, around),
    }
    const text = more.resource ? undefined : this.#resourcePolicyOf(resource)
    const resourceAccountId = this.#ownerOf(resource)
    const boundary = holder?.boundaryArn === undefined ? undefined : this.#managed(holder.boundaryArn)
    return decide(question, {
      identity: holder ? this.#identityPolicies(holder) : NOBODY,
      ...(boundary ? { boundary } : {}),
      ...(text === undefined ? {} : { resource: this.#parsed(text, 'resource', resource) }),
      ...(resourceAccountId === undefined ? {} : { resourceAccountId }),
      ...(text !== undefined && resource.startsWith('arn:aws:kms:')
        ? { resourceMustAllow: true, isGranted: this.#isGranted(principal, request) }
        : {}),
      ...more,
    })
  }

  #isGranted(principal: Principal, request: AccessRequest): boolean {
    const names = principal.kind === 'session' ? [principal.arn, principal.roleArn] : [principal.arn]
    return this.#options.isGranted?.(request, names) ?? false
  }

  #identityPolicies(holder: Holder): PolicySet {
    const known = this.#holders.get(holder)
    if (known) return known
    const named = [
      ...holder.inline,
      ...[...holder.attached].map((arn): [string, string] => [arn, this.managedDocument(arn) ?? '']),
    ]
    const set = new PolicySet(named.map(([name, text]) => parsePolicy(text, 'identity', name)))
    this.#holders.set(holder, set)
    return set
  }

  /** Policies that were given with a session; its key stands for them, for they never change. */
  #sessionPolicies(accessKeyId: string, texts: readonly string[]): PolicySet {
    const key = `session ${accessKeyId}`
    const known = this.#documents.get(key)
    if (known) return known
    const set = new PolicySet(texts.map((text) => parsePolicy(text, 'identity', 'session')))
    this.#documents.set(key, set)
    return set
  }

  #managed(arn: string): PolicySet | undefined {
    const text = this.managedDocument(arn)
    return text === undefined ? undefined : this.#parsed(text, 'identity', arn)
  }

  /** The default version of a managed policy, AWS's or a customer's. */
  managedDocument(arn: string): string | undefined {
    const [, accountId = '', name = ''] = /^arn:aws:iam::(\d{12}):policy\/(?:.+\/)?([^/]+)$/.exec(arn) ?? []
    const policy = this.#options.state.accounts.get(accountId)?.policies.get(name)
    return policy?.versions.get(policy.defaultVersionId)?.document ?? AWS_MANAGED_POLICIES.get(arn)
  }

  #parsed(text: string, kind: PolicyKind, name: string): PolicySet {
    const key = `${kind} ${text}`
    const known = this.#documents.get(key)
    if (known) return known
    if (this.#documents.size >= DOCUMENTS_MAX) this.#documents.clear()
    const set = new PolicySet([parsePolicy(text, kind, name)])
    this.#documents.set(key, set)
    return set
  }

  #resourcePolicyOf(resource: string): string | undefined {
    // A policy of a bucket speaks of its objects too.
    const owner = resource.startsWith('arn:aws:s3:::') ? resource.replace(/^([^/]+)\/.*$/s, '$1') : resource
    return this.#options.state.resourcePolicies.get(owner) ?? this.#options.resourcePolicy?.(owner)
  }

  #ownerOf(resource: string): string | undefined {
    const [, , service, , accountId = '', name = ''] = resource.split(':', 6)
    if (service === 's3') return this.#options.bucketOwner?.(name.split('/')[0] ?? '')
    return accountId === '' || accountId === 'aws' ? undefined : accountId
  }

  #contextOf(
    principal: Principal,
    holder: Holder | undefined,
    request: AccessRequest,
    around: Readonly<Record<string, ContextValue>>,
  ): Context {
    const own = new Map<string, ContextValue>()
    for (const [key, value] of Object.entries(request.context)) own.set(key.toLowerCase(), value)
    return (key) => own.get(key) ?? around[key] ?? this.#globalValue(key, principal, holder, request)
  }

  /** Keys that every request has. The loopback stands for TLS: no client could fulfil `aws:SecureTransport` otherwise. */
  #globalValue(
    key: string,
    principal: Principal,
    holder: Holder | undefined,
    { resource }: AccessRequest,
  ): ContextValue | undefined {
    if (key.startsWith('aws:principaltag/')) return tagOf(holder, key.slice('aws:principaltag/'.length))
    switch (key) {
      case 'aws:securetransport':
        return true
      case 'aws:currenttime':
        return new Date(this.#options.clock.now()).toISOString()
      case 'aws:epochtime':
        return Math.floor(this.#options.clock.now() / 1000)
      case 'aws:resourceaccount':
        return this.#ownerOf(resource)
      case 'aws:principalisawsservice':
        return principal.kind === 'service'
      case 'aws:viaawsservice':
        return false
      case 'aws:principalservicename':
        return principal.kind === 'service' ? principal.arn : undefined
      default:
        return principal.kind === 'service' ? undefined : callerValue(key, principal, holder)
    }
  }
}

/** Keys of tags are compared without regard to case. */
function tagOf(holder: Holder | undefined, name: string): string | undefined {
  for (const [key, value] of holder?.tags ?? []) if (key.toLowerCase() === name) return value
  return undefined
}

function callerValue(
  key: string,
  principal: Exclude<Principal, { kind: 'service' }>,
  holder: Holder | undefined,
): ContextValue | undefined {
  const sessionName = principal.kind === 'session' ? principal.arn.split('/').at(-1) : undefined
  switch (key) {
    case 'aws:principalarn':
      return principal.kind === 'session' ? principal.roleArn : principal.arn
    case 'aws:principalaccount':
      return principal.accountId
    case 'aws:principaltype':
      return { root: 'Account', user: 'User', session: 'AssumedRole' }[principal.kind]
    case 'aws:userid':
      if (principal.kind === 'root') return principal.accountId
      return sessionName === undefined ? holder?.id : `${holder?.id ?? ''}:${sessionName}`
    case 'aws:username':
      return principal.kind === 'user' ? holder?.name : undefined
    case 'aws:multifactorauthpresent':
      return principal.kind === 'session' ? false : undefined
    default:
      return undefined
  }
}
