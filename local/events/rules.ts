import type {
  DeleteRuleRequest,
  DescribeRuleRequest,
  DescribeRuleResponse,
  ListRuleNamesByTargetRequest,
  ListRuleNamesByTargetResponse,
  ListRulesRequest,
  ListRulesResponse,
  ListTargetsByRuleRequest,
  ListTargetsByRuleResponse,
  PutRuleRequest,
  PutTargetsRequest,
  RemoveTargetsRequest,
  Rule as DescribedRule,
  Target,
} from '@aws-sdk/client-eventbridge'
import { AwsError, type MayAssume } from '../wire/service.ts'
import { isPath } from './paths.ts'
import { compilePattern } from './pattern.ts'
import type { Matches } from './pattern.ts'
import { checkTransformer } from './transformer.ts'

export interface Rule {
  readonly name: string
  readonly arn: string
  readonly pattern: string
  readonly description?: string
  readonly roleArn?: string
  enabled: boolean
  readonly targets: Map<string, Target>
  readonly tags: Map<string, string>
}

/** AWS facts D.2. */
const RULE_LIMIT = 300
const TARGET_LIMIT = 5
const PATTERN_LENGTH = 2048

/** Parameters of a target that this account can carry out; any other changes what would happen. */
const TARGET_PARAMETERS = new Set([
  'Id',
  'Arn',
  'RoleArn',
  'Input',
  'InputPath',
  'InputTransformer',
  'RetryPolicy',
  'DeadLetterConfig',
])

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)
const missing = (message: string): AwsError => new AwsError('ResourceNotFoundException', message)
const notImplemented = (what: string): AwsError =>
  new AwsError('NotImplemented', `This account does not know ${what}`, { status: 501 })
const limitExceeded = (): AwsError =>
  new AwsError('LimitExceededException', 'The requested resource exceeds the maximum number allowed.')

function checkTarget(target: Target): void {
  const id = target.Id ?? ''
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(id))
    throw invalid(`Parameter Id is not valid. Reason: '${id}' must be 1 to 64 of [.-_A-Za-z0-9].`)
  if (!target.Arn?.startsWith('arn:'))
    throw invalid(`Parameter ${target.Arn ?? ''} is not valid. Reason: Provided Arn is not in correct format.`)
  const given = [target.Input, target.InputPath, target.InputTransformer].filter((value) => value !== undefined)
  if (given.length > 1)
    throw invalid(`Only one of Input, InputPath, or InputTransformer must be provided for target ${id}.`)
  for (const [name, value] of Object.entries(target))
    if (value !== undefined && !TARGET_PARAMETERS.has(name)) throw notImplemented(`a target's ${name}`)
  if (target.InputTransformer !== undefined) checkTransformer(target.InputTransformer)
  if (target.Arn.includes(':states:') && target.RoleArn === undefined)
    throw invalid(`RoleArn is required for target ${target.Arn}.`)
  if (target.Arn.includes(':sqs:') && target.Arn.endsWith('.fifo')) throw notImplemented('FIFO queues')
  if (target.InputPath !== undefined && !isPath(target.InputPath)) throw invalid(`Invalid InputPath for target ${id}.`)
  if (target.Input !== undefined) {
    try {
      JSON.parse(target.Input)
    } catch {
      throw invalid(`JSON syntax error in input for target ${id} at line 1.`)
    }
  }
  const { MaximumEventAgeInSeconds: age = 60, MaximumRetryAttempts: attempts = 0 } = target.RetryPolicy ?? {}
  if (age < 60 || age > 86_400) throw invalid('MaximumEventAgeInSeconds must be between 60 and 86400.')
  if (attempts < 0 || attempts > 185) throw invalid('MaximumRetryAttempts must be between 0 and 185.')
}

interface RulesOptions {
  readonly region: string
  readonly accountId: string
  readonly mayAssume?: MayAssume
}

/** The rules of the default bus, the only bus here. */
export class Rules {
  /** By name: what is kept over a restart. */
  readonly #rules = new Map<string, Rule>()
  /** Made from the rules' patterns. */
  readonly #matchers = new WeakMap<Rule, Matches>()
  readonly #arnPrefix: string
  readonly #busArn: string
  readonly #mayAssume: MayAssume | undefined

  constructor({ region, accountId, mayAssume }: RulesOptions) {
    this.#mayAssume = mayAssume
    this.#arnPrefix = `arn:aws:events:${region}:${accountId}:rule/`
    this.#busArn = `arn:aws:events:${region}:${accountId}:event-bus/default`
  }

  matching(event: Readonly<Record<string, unknown>>): Rule[] {
    return [...this.#rules.values()].filter((rule) => rule.enabled && this.#matcherOf(rule)(event))
  }

  save(): unknown {
    return this.#rules
  }

  restore(saved: unknown): void {
    for (const [name, rule] of saved as Map<string, Rule>) this.#rules.set(name, rule)
  }

  checkBus(name: string | undefined): void {
    if (name !== undefined && name !== 'default' && name !== this.#busArn)
      throw missing(`Event bus ${name} does not exist.`)
  }

  put(input: PutRuleRequest): { RuleArn: string } {
    this.checkBus(input.EventBusName)
    const { Name: name = '', EventPattern: pattern, ScheduleExpression, RoleArn, Description, State, Tags } = input
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name)) throw invalid(`Parameter Name is not valid: ${name}`)
    if (ScheduleExpression) throw notImplemented('rules with a ScheduleExpression: use EventBridge Scheduler')
    if (!pattern) throw invalid('Parameter(s) EventPattern or ScheduleExpression must be specified.')
    if (pattern.length > PATTERN_LENGTH) throw limitExceeded()
    compilePattern(pattern)
    if (State === 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS') throw notImplemented(`the state ${State}`)
    const existing = this.#rules.get(name)
    this.#checkTrust(RoleArn, this.#arnPrefix + name)
    if (existing && Tags && Tags.length > 0) throw invalid('Tags can be set only when a rule is created.')
    if (!existing && this.#rules.size >= RULE_LIMIT) throw limitExceeded()
    const rule: Rule = {
      name,
      arn: this.#arnPrefix + name,
      pattern,
      ...(Description === undefined ? {} : { description: Description }),
      ...(RoleArn === undefined ? {} : { roleArn: RoleArn }),
      enabled: State !== 'DISABLED',
      targets: existing?.targets ?? new Map<string, Target>(),
      tags: existing?.tags ?? new Map((Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
    }
    this.#rules.set(name, rule)
    return { RuleArn: rule.arn }
  }

  /** Deleting what is not there succeeds; deleting what still has targets does not. */
  delete(input: DeleteRuleRequest): void {
    this.checkBus(input.EventBusName)
    const rule = this.#rules.get(input.Name ?? '')
    if (rule && rule.targets.size > 0) throw invalid("Rule can't be deleted since it has targets.")
    this.#rules.delete(input.Name ?? '')
  }

  describe(input: DescribeRuleRequest): DescribeRuleResponse {
    return this.#described(this.#get(input.Name, input.EventBusName))
  }

  enable(input: { Name?: string | undefined; EventBusName?: string | undefined }, enabled: boolean): void {
    this.#get(input.Name, input.EventBusName).enabled = enabled
  }

  list(input: ListRulesRequest): ListRulesResponse {
    this.checkBus(input.EventBusName)
    const named = [...this.#rules.values()].filter((rule) => rule.name.startsWith(input.NamePrefix ?? ''))
    const { page, next } = pageOf(named, (rule) => rule.name, input)
    return { Rules: page.map((rule) => this.#described(rule)), ...next }
  }

  putTargets(input: PutTargetsRequest): { FailedEntryCount: number; FailedEntries: [] } {
    const rule = this.#get(input.Rule, input.EventBusName)
    const targets = input.Targets ?? []
    if (targets.length === 0) throw invalid('Targets must have at least one member.')
    for (const target of targets) checkTarget(target)
    for (const { RoleArn } of targets) this.#checkTrust(RoleArn, rule.arn)
    const ids = new Set([...rule.targets.keys(), ...targets.map((target) => target.Id ?? '')])
    if (ids.size > TARGET_LIMIT) throw limitExceeded()
    for (const target of targets) rule.targets.set(target.Id ?? '', target)
    return { FailedEntryCount: 0, FailedEntries: [] }
  }

  removeTargets(input: RemoveTargetsRequest): { FailedEntryCount: number; FailedEntries: [] } {
    const rule = this.#get(input.Rule, input.EventBusName)
    for (const id of input.Ids ?? []) rule.targets.delete(id)
    return { FailedEntryCount: 0, FailedEntries: [] }
  }

  listTargets(input: ListTargetsByRuleRequest): ListTargetsByRuleResponse {
    const rule = this.#get(input.Rule, input.EventBusName)
    const { page, next } = pageOf([...rule.targets.values()], (target) => target.Id ?? '', input)
    return { Targets: page, ...next }
  }

  listNamesByTarget(input: ListRuleNamesByTargetRequest): ListRuleNamesByTargetResponse {
    this.checkBus(input.EventBusName)
    const targeted = [...this.#rules.values()].filter(({ targets }) =>
      [...targets.values()].some(({ Arn }) => Arn === input.TargetArn),
    )
    const { page, next } = pageOf(targeted, (rule) => rule.name, input)
    return { RuleNames: page.map(({ name }) => name), ...next }
  }

  /** Tags of the rule of an ARN. */
  tagsOf(arn: string | undefined): Map<string, string> {
    const rule = [...this.#rules.values()].find((candidate) => candidate.arn === arn)
    if (!rule) throw missing(`Rule ${arn ?? ''} does not exist on EventBus default.`)
    return rule.tags
  }

  /** The words are from memory. */
  #checkTrust(roleArn: string | undefined, ruleArn: string): void {
    if (roleArn === undefined || (this.#mayAssume?.(roleArn, ruleArn) ?? true)) return
    throw invalid(`Provided role '${roleArn}' cannot be assumed by principal 'events.amazonaws.com'.`)
  }

  #matcherOf(rule: Rule): Matches {
    const matches = this.#matchers.get(rule) ?? compilePattern(rule.pattern)
    this.#matchers.set(rule, matches)
    return matches
  }

  #get(name: string | undefined, bus: string | undefined): Rule {
    this.checkBus(bus)
    const rule = this.#rules.get(name ?? '')
    if (!rule) throw missing(`Rule ${name ?? ''} does not exist on EventBus default.`)
    return rule
  }

  #described(rule: Rule): DescribedRule {
    return {
      Name: rule.name,
      Arn: rule.arn,
      EventPattern: rule.pattern,
      State: rule.enabled ? 'ENABLED' : 'DISABLED',
      ...(rule.description === undefined ? {} : { Description: rule.description }),
      ...(rule.roleArn === undefined ? {} : { RoleArn: rule.roleArn }),
      EventBusName: 'default',
    }
  }
}

/** One page in the order of `keyOf`; the token is the key of the last item shown. */
function pageOf<Item>(
  items: Item[],
  keyOf: (item: Item) => string,
  input: { NextToken?: string | undefined; Limit?: number | undefined },
): { page: Item[]; next: { NextToken?: string } } {
  const after = input.NextToken === undefined ? '' : Buffer.from(input.NextToken, 'base64url').toString()
  const left = items.filter((item) => keyOf(item) > after).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const page = left.slice(0, input.Limit ?? 100)
  const last = page.at(-1)
  return {
    page,
    next: last && page.length < left.length ? { NextToken: Buffer.from(keyOf(last)).toString('base64url') } : {},
  }
}
