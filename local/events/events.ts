/**
 * EventBridge of the embedded account: the default bus, its rules, and what services and clients put on it. Events arrive a
 * moment later, at least once and in no promised order, as AWS has it.
 */
import type {
  DeleteRuleRequest,
  DescribeRuleRequest,
  ListRulesRequest,
  ListTargetsByRuleRequest,
  PutEventsRequest,
  PutRuleRequest,
  PutTargetsRequest,
  ListRuleNamesByTargetRequest,
  ListTagsForResourceRequest,
  RemoveTargetsRequest,
  TagResourceRequest,
  TestEventPatternRequest,
  TestEventPatternResponse,
  UntagResourceRequest,
} from '@aws-sdk/client-eventbridge'
import type { Durable } from '../durability.ts'
import { AwsError } from '../wire/service.ts'
import type { AwsEvent, EmittedEvent, Operations, Service } from '../wire/service.ts'
import { eventsAccess } from './access.ts'
import { Bus, type EventsOptions } from './bus.ts'
import { compilePattern } from './pattern.ts'
import { putEvents } from './put-events.ts'
import type { Undelivered } from './target.ts'

export interface Events {
  /** `client-eventbridge`: rules, targets and PutEvents on the default bus. */
  readonly service: Service
  /** What a service of the account reports. The bus adds id, time, account and Region. */
  emit(event: EmittedEvent): void
  /** Shows every event that reaches the bus, a duplicate twice, a dropped one never. */
  observe(observer: (event: AwsEvent) => void): void
  /** What targets did not take within their retry policy; newest last, bounded. */
  readonly undelivered: readonly Undelivered[]
  readonly durable: Durable
  /** Nothing arrives any more. */
  stop(): void
}

function testPattern({ Event = '', EventPattern = '' }: TestEventPatternRequest): TestEventPatternResponse {
  const matches = compilePattern(EventPattern)
  let event: unknown
  try {
    event = JSON.parse(Event)
  } catch {
    event = undefined
  }
  const fields = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type']
  if (typeof event !== 'object' || event === null || !fields.every((field) => Object.hasOwn(event, field)))
    throw new AwsError(
      'ValidationException',
      `Parameter Event is not valid. It must be JSON with ${fields.join(', ')}.`,
    )
  return { Result: matches({ ...event }) }
}

const operationsOf = (bus: Bus): Operations => ({
  PutRule: (input: PutRuleRequest) => bus.rules.put(input),
  DeleteRule: (input: DeleteRuleRequest) => bus.rules.delete(input),
  DescribeRule: (input: DescribeRuleRequest) => bus.rules.describe(input),
  EnableRule: (input: DescribeRuleRequest) => bus.rules.enable(input, true),
  DisableRule: (input: DescribeRuleRequest) => bus.rules.enable(input, false),
  ListRules: (input: ListRulesRequest) => bus.rules.list(input),
  PutTargets: (input: PutTargetsRequest) => bus.rules.putTargets(input),
  RemoveTargets: (input: RemoveTargetsRequest) => bus.rules.removeTargets(input),
  ListTargetsByRule: (input: ListTargetsByRuleRequest) => bus.rules.listTargets(input),
  ListRuleNamesByTarget: (input: ListRuleNamesByTargetRequest) => bus.rules.listNamesByTarget(input),
  TestEventPattern: (input: TestEventPatternRequest) => testPattern(input),
  ListTagsForResource: ({ ResourceARN }: ListTagsForResourceRequest) => ({
    Tags: [...bus.rules.tagsOf(ResourceARN)].map(([Key, Value]) => ({ Key, Value })),
  }),
  TagResource({ ResourceARN, Tags = [] }: TagResourceRequest) {
    const tags = bus.rules.tagsOf(ResourceARN)
    for (const { Key = '', Value = '' } of Tags) tags.set(Key, Value)
  },
  UntagResource({ ResourceARN, TagKeys = [] }: UntagResourceRequest) {
    const tags = bus.rules.tagsOf(ResourceARN)
    for (const key of TagKeys) tags.delete(key)
  },
  PutEvents: (input: PutEventsRequest) => {
    for (const entry of input.Entries ?? []) bus.rules.checkBus(entry.EventBusName)
    return putEvents(input, (event, timeMs) => bus.publish(event, timeMs))
  },
})

export function createEvents(options: EventsOptions): Events {
  const bus = new Bus(options)
  return {
    service: {
      sdk: () => import('@aws-sdk/client-eventbridge'),
      clientName: 'EventBridgeClient',
      signingName: 'events',
      operations: operationsOf(bus),
      access: eventsAccess,
    },
    emit: (event) => void bus.publish(event),
    observe: (observer) => bus.observe(observer),
    undelivered: bus.deliveries.undelivered,
    durable: bus.durable,
    stop: () => bus.stop(),
  }
}
