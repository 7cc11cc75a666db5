/**
 * EventBridge of the embedded account: the default bus, its rules, and what services and clients put on it. Events arrive a
 * moment later, at least once and in no promised order, as AWS has it.
 */
import { randomUUID } from 'node:crypto'
import * as sdk from '@aws-sdk/client-eventbridge'
import type {
  DeleteRuleRequest,
  DescribeRuleRequest,
  ListRulesRequest,
  ListTargetsByRuleRequest,
  PutEventsRequest,
  PutRuleRequest,
  PutTargetsRequest,
  RemoveTargetsRequest,
} from '@aws-sdk/client-eventbridge'
import type { Cancel, Clock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { AwsEvent, EmittedEvent, Operations, Service } from '../wire/service.ts'
import { eventsAccess } from './access.ts'
import { Deliveries } from './delivery.ts'
import { inputFor } from './input.ts'
import { putEvents } from './put-events.ts'
import { Rules } from './rules.ts'
import type { Deliver, Undelivered } from './target.ts'

export interface Events {
  /** `client-eventbridge`: rules, targets and PutEvents on the default bus. */
  readonly service: Service
  /** What a service of the account reports. The bus adds id, time, account and Region. */
  emit(event: EmittedEvent): void
  /** Shows every event that reaches the bus, a duplicate twice, a dropped one never. */
  observe(observer: (event: AwsEvent) => void): void
  /** What targets did not take within their retry policy; newest last, bounded. */
  readonly undelivered: readonly Undelivered[]
}

export interface EventsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly faults: Faults
  readonly deliver: Deliver
}

/** From the emission to the target: typically half a second on AWS. */
const DELIVERY_DELAY_MS = 500

/** How long an event that is to follow the next one waits for it. */
const REORDER_LIMIT_MS = 5 * 60_000

/** An event on its way to the targets. */
interface Flight {
  readonly event: AwsEvent
  /** Counted as they are emitted. */
  readonly order: number
  readonly arrivesMs: number
  /** Held back by a fault: arrives right behind the next one. */
  readonly followsNext?: true
}

class Bus {
  readonly rules: Rules
  readonly deliveries: Deliveries
  readonly #options: EventsOptions
  readonly #observers: ((event: AwsEvent) => void)[] = []
  readonly #underWay = new Set<Flight>()
  readonly #timers = new Map<Flight, Cancel>()
  #order = 0

  constructor(options: EventsOptions) {
    this.#options = options
    this.rules = new Rules(options.region, options.accountId)
    this.deliveries = new Deliveries(options.clock, options.deliver)
  }

  observe(observer: (event: AwsEvent) => void): void {
    this.#observers.push(observer)
  }

  /** Puts an event on its way and returns its id. */
  publish(emitted: EmittedEvent, timeMs: number = this.#options.clock.now()): string {
    const { accountId, clock, faults, region } = this.#options
    const event: AwsEvent = {
      version: '0',
      id: randomUUID(),
      'detail-type': emitted['detail-type'],
      source: emitted.source,
      account: accountId,
      time: new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z'),
      region,
      resources: emitted.resources,
      // A copy: the emitter may go on with its object before the event arrives.
      detail: structuredClone(emitted.detail),
    }
    const effect = faults.forEvent({ source: event.source, detailType: event['detail-type'], detail: event.detail })
    const flight = { event, order: (this.#order += 1), arrivesMs: clock.now() + DELIVERY_DELAY_MS }
    switch (effect?.kind) {
      case 'drop':
        break
      case 'delay':
        this.#send({ ...flight, arrivesMs: flight.arrivesMs + effect.delayMs })
        break
      case 'reorder':
        this.#send({ ...flight, arrivesMs: flight.arrivesMs + REORDER_LIMIT_MS, followsNext: true })
        break
      case 'duplicate':
        this.#send({ ...flight })
        this.#send({ ...flight })
        break
      case undefined:
        this.#send(flight)
    }
    return event.id
  }

  #send(flight: Flight): void {
    const { clock } = this.#options
    this.#underWay.add(flight)
    this.#timers.set(
      flight,
      clock.after(flight.arrivesMs - clock.now(), () => this.#arrive(flight)),
    )
  }

  #arrive(flight: Flight): void {
    this.#timers.get(flight)?.()
    this.#timers.delete(flight)
    this.#underWay.delete(flight)
    this.#dispatch(flight.event)
    if (flight.followsNext) return
    for (const held of this.#underWay) if (held.followsNext && held.order < flight.order) this.#arrive(held)
  }

  #dispatch(event: AwsEvent): void {
    for (const observer of this.#observers) observer(event)
    for (const rule of this.rules.matching({ ...event })) {
      for (const target of rule.targets.values()) {
        const invocation = {
          arn: target.Arn ?? '',
          ...(target.RoleArn === undefined ? {} : { roleArn: target.RoleArn }),
          input: inputFor(target, event),
        }
        this.deliveries.start({
          sourceArn: rule.arn,
          invocation: () => invocation,
          ...(target.DeadLetterConfig?.Arn === undefined ? {} : { deadLetterArn: target.DeadLetterConfig.Arn }),
          maximumRetryAttempts: target.RetryPolicy?.MaximumRetryAttempts,
          maximumEventAgeSeconds: target.RetryPolicy?.MaximumEventAgeInSeconds,
        })
      }
    }
  }
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
  PutEvents: (input: PutEventsRequest) => {
    for (const entry of input.Entries ?? []) bus.rules.checkBus(entry.EventBusName)
    return putEvents(input, (event, timeMs) => bus.publish(event, timeMs))
  },
})

export function createEvents(options: EventsOptions): Events {
  const bus = new Bus(options)
  return {
    service: { sdk, clientName: 'EventBridgeClient', operations: operationsOf(bus), access: eventsAccess },
    emit: (event) => void bus.publish(event),
    observe: (observer) => bus.observe(observer),
    undelivered: bus.deliveries.undelivered,
  }
}
