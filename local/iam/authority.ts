/** What follows for a request from who asks and which policies there are. */
import type { Clock } from '../clock.ts'
import type { Identity } from '../identities.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'
import { decide, type Decision, type Policies, type PolicySet, type Question } from './decision.ts'
import { denialOf } from './denials.ts'
import { Directory } from './directory.ts'
import { globalValue } from './global-keys.ts'
import { HeldPolicies } from './held-policies.ts'
import type { Context, ContextValue } from './patterns.ts'
import type { Principal } from './principals.ts'
import type { Holder, IamState } from './records.ts'

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

export class Authority {
  readonly observers: ((decision: ObservedDecision) => void)[] = []
  readonly directory: Directory
  readonly policies: HeldPolicies
  readonly #options: AuthorityOptions

  constructor(options: AuthorityOptions) {
    this.#options = options
    this.directory = new Directory(options.state, options.administrator)
    this.policies = new HeldPolicies(options.state)
  }

  /** @throws AwsError as the service words its denials, at the first request that is not allowed */
  authorize(service: string, caller: Caller, requests: readonly AccessRequest[]): void {
    const identity = this.#options.identify(caller.accessKeyId)
    const principal = this.directory.principalOf(caller.arn, caller.accountId)
    const session = identity?.sessionPolicies && this.policies.ofSession(caller.accessKeyId, identity.sessionPolicies)
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

  /** Whether the trust policy of a role lets this principal assume it. undefined: there is no such role. */
  trust(
    roleArn: string,
    principal: Principal,
    context: AccessRequest['context'],
    region: string,
  ): Decision | undefined {
    const role = this.directory.roleOf(roleArn)
    if (!role) return undefined
    const request = { action: 'sts:AssumeRole', resource: role.arn, context }
    return this.#decide(
      principal,
      request,
      { 'aws:requestedregion': region },
      {
        resource: this.policies.parsed(role.trust, 'trust', `trust of ${role.name}`),
        resourceMustAllow: true,
      },
    )
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
    const holder = this.directory.holderOf(principal)?.name ?? principal.arn
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
    const holder = this.directory.holderOf(principal)
    const { action, resource } = request
    const question: Question = {
      principal,
      action,
      resource,
      context: this.#contextOf(principal, holder, request, around),
    }
    const text = more.resource ? undefined : this.#resourcePolicyOf(resource)
    const resourceAccountId = this.#ownerOf(resource)
    const boundary = holder && this.policies.boundaryOf(holder)
    return decide(question, {
      identity: this.policies.of(holder),
      ...(boundary ? { boundary } : {}),
      ...(text === undefined ? {} : { resource: this.policies.parsed(text, 'resource', resource) }),
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
    const asked = { principal, holder, nowMs: () => this.#options.clock.now() }
    const resourceAccount = (): string | undefined => this.#ownerOf(request.resource)
    return (key) => own.get(key) ?? around[key] ?? globalValue(key, { ...asked, resourceAccount })
  }
}
