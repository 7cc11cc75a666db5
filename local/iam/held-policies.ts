import { AWS_MANAGED_POLICIES } from './aws-managed-policies.ts'
import { PolicySet } from './decision.ts'
import { parsePolicy, type PolicyKind } from './policy.ts'
import type { Holder, IamState } from './records.ts'

const NONE = new PolicySet([])
/** Parsed documents that are remembered; a process with more than this many texts begins anew. */
const DOCUMENTS_MAX = 20_000

/** The policies of users, roles and sessions, parsed once. */
export class HeldPolicies {
  readonly #state: IamState
  readonly #documents = new Map<string, PolicySet>()
  readonly #holders = new Map<Holder, PolicySet>()

  constructor(state: IamState) {
    this.#state = state
  }

  /** Policies, users or roles have changed. */
  forget(): void {
    this.#holders.clear()
  }

  /** Inline and attached policies of a user or role. */
  of(holder: Holder | undefined): PolicySet {
    if (!holder) return NONE
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

  /** Its permissions boundary, if it has one. */
  boundaryOf({ boundaryArn }: Holder): PolicySet | undefined {
    const text = boundaryArn === undefined ? undefined : this.managedDocument(boundaryArn)
    return boundaryArn === undefined || text === undefined ? undefined : this.parsed(text, 'identity', boundaryArn)
  }

  /** Policies that were given with a session; its key stands for them, for they never change. */
  ofSession(accessKeyId: string, texts: readonly string[]): PolicySet {
    return this.#remembered(`session ${accessKeyId}`, () =>
      texts.map((text) => parsePolicy(text, 'identity', 'session')),
    )
  }

  parsed(text: string, kind: PolicyKind, name: string): PolicySet {
    return this.#remembered(`${kind} ${text}`, () => [parsePolicy(text, kind, name)])
  }

  /** The default version of a managed policy, AWS's or a customer's. */
  managedDocument(arn: string): string | undefined {
    const [, accountId = '', name = ''] = /^arn:aws:iam::(\d{12}):policy\/(?:.+\/)?([^/]+)$/.exec(arn) ?? []
    const policy = this.#state.accounts.get(accountId)?.policies.get(name)
    return policy?.versions.get(policy.defaultVersionId)?.document ?? AWS_MANAGED_POLICIES.get(arn)
  }

  #remembered(key: string, parse: () => ConstructorParameters<typeof PolicySet>[0]): PolicySet {
    const known = this.#documents.get(key)
    if (known) return known
    if (this.#documents.size >= DOCUMENTS_MAX) this.#documents.clear()
    const set = new PolicySet(parse())
    this.#documents.set(key, set)
    return set
  }
}
