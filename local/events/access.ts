/** What IAM is asked before an operation of EventBridge runs (Service Authorization Reference, Amazon EventBridge). */
import type {
  ListRulesRequest,
  ListTagsForResourceRequest,
  PutEventsRequest,
  PutRuleRequest,
  PutTargetsRequest,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-eventbridge'
import { anyResource, passRole, request, requestTags, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'

interface Named {
  readonly Name?: string
  readonly Rule?: string
}

const PASSED_TO = 'events.amazonaws.com'
const RULE_OPERATIONS = [
  'DeleteRule',
  'DescribeRule',
  'DisableRule',
  'EnableRule',
  'ListTargetsByRule',
  'RemoveTargets',
]

const arnOf = ({ region, accountId }: Caller, resource: string): string =>
  `arn:aws:events:${region}:${accountId}:${resource}`

const ruleArn = (caller: Caller, { Name, Rule }: Named): string => arnOf(caller, `rule/${Name ?? Rule ?? '*'}`)

const onRule =
  (action: string): AccessOf =>
  (input: Named, caller) => [request(`events:${action}`, ruleArn(caller, input))]

const passed = (roleArns: readonly (string | undefined)[]): AccessRequest[] =>
  [...new Set(roleArns)].flatMap((arn) => (arn ? [passRole(arn, PASSED_TO)] : []))

/** Entries are asked about one by one, each with its own source and type. */
const putEventsAsks = ({ Entries = [] }: PutEventsRequest, caller: Caller): AccessRequest[] =>
  Entries.map(({ EventBusName: bus = 'default', Source, DetailType }) =>
    request('events:PutEvents', bus.startsWith('arn:') ? bus : arnOf(caller, `event-bus/${bus}`), {
      ...(Source === undefined ? {} : { 'events:source': [Source] }),
      ...(DetailType === undefined ? {} : { 'events:detail-type': [DetailType] }),
    }),
  )

export const eventsAccess: AccessMap = {
  ...Object.fromEntries(RULE_OPERATIONS.map((name) => [name, onRule(name)])),
  ListRules: (input: ListRulesRequest, caller) => [
    request('events:ListRules', arnOf(caller, `rule/${input.NamePrefix ?? ''}*`)),
  ],
  ListEventBuses: anyResource('events:ListEventBuses'),
  PutRule: (input: PutRuleRequest, caller) => [
    request('events:PutRule', ruleArn(caller, input), requestTags(input.Tags)),
    ...passed([input.RoleArn]),
  ],
  PutTargets: (input: PutTargetsRequest, caller) => [
    request('events:PutTargets', ruleArn(caller, input), {
      'events:TargetArn': (input.Targets ?? []).map(({ Arn = '' }) => Arn),
    }),
    ...passed((input.Targets ?? []).map(({ RoleArn }) => RoleArn)),
  ],
  PutEvents: (input: PutEventsRequest, caller) => putEventsAsks(input, caller),
  ListRuleNamesByTarget: (_, caller) => [request('events:ListRuleNamesByTarget', arnOf(caller, 'rule/*'))],
  TestEventPattern: anyResource('events:TestEventPattern'),
  ListTagsForResource: ({ ResourceARN = '*' }: ListTagsForResourceRequest) => [
    request('events:ListTagsForResource', ResourceARN),
  ],
  TagResource: ({ ResourceARN = '*', Tags }: TagResourceRequest) => [
    request('events:TagResource', ResourceARN, requestTags(Tags)),
  ],
  UntagResource: ({ ResourceARN = '*', TagKeys = [] }: UntagResourceRequest) => [
    request('events:UntagResource', ResourceARN, { 'aws:TagKeys': TagKeys }),
  ],
}
