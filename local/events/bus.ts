/** The way of an event: from its emission over the bus, its rules and their targets. */
import { randomUUID } from 'node:crypto'
import type { Target } from '@aws-sdk/client-eventbridge'
import type { Cancel, Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { Faults } from '../faults.ts'
import { AwsError } from '../wire/service.ts'
import type { AwsEvent, EmittedEvent, MayAssume } from '../wire/service.ts'
import { Deliveries } from './delivery.ts'
import { inputFor } from './input.ts'
import { Rules } from './rules.ts'
import type { Rule } from './rules.ts'
import type { Deliver, SendDeadLetter } from './target.ts'

export interface EventsOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly faults: Faults
  readonly deliver: Deliver
  /** Without it dead letters are lost. */
  readonly sendDeadLetter?: SendDeadLetter
  /** Asked about the roles of rules and targets; without it every role is good. */
  readonly mayAssume?: MayAssume
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

/** The default bus: what is reported, and who is told of it. */
export class Bus {
  readonly rules: Rules
  readonly deliveries: Deliveries
  readonly #options: EventsOptions
  readonly #observers: ((event: AwsEvent) => void)[] = []
  readonly #underWay = new Set<Flight>()
  readonly #timers = new Map<Flight, Cancel>()
  #order = 0

  constructor(options: EventsOptions) {
    this.#options = options
    this.rules = new Rules(options)
    this.deliveries = new Deliveries({ ...options, errorCode: deadLetterCode })
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

  /** What is kept over a restart: rules, and events and invocations under way. */
  get durable(): Durable {
    return {
      name: 'events',
      save: () => ({
        rules: this.rules.save(),
        underWay: this.#underWay,
        order: this.#order,
        deliveries: this.deliveries.save(),
      }),
      restore: (saved) => {
        const { rules, underWay, order, deliveries } = saved as Saved
        this.rules.restore(rules)
        for (const flight of underWay) this.#underWay.add(flight)
        this.#order = order
        this.deliveries.restore(deliveries)
      },
      resume: () => {
        for (const flight of this.#underWay) this.#send(flight)
        this.deliveries.resume()
      },
    }
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.deliveries.stop()
  }

  #dispatch(event: AwsEvent): void {
    for (const observer of this.#observers) observer(event)
    for (const rule of this.rules.matching({ ...event }))
      for (const target of rule.targets.values()) this.#invoke(rule, target, event)
  }

  #invoke(rule: Rule, target: Target, event: AwsEvent): void {
    const ingestedAt = new Date(this.#options.clock.now()).toISOString()
    let input: unknown
    try {
      input = inputFor(target, event, { arn: rule.arn, name: rule.name, ingestedAt })
    } catch {
      // A template that makes no JSON of this event: EventBridge drops it, and counts a failed invocation.
      return
    }
    this.deliveries.start({
      sourceArn: rule.arn,
      invocation: {
        arn: target.Arn ?? '',
        ...(target.RoleArn === undefined ? {} : { roleArn: target.RoleArn }),
        input,
      },
      deadLetterArn: target.DeadLetterConfig?.Arn,
      letter: { RULE_ARN: rule.arn },
      maximumRetryAttempts: target.RetryPolicy?.MaximumRetryAttempts,
      maximumEventAgeSeconds: target.RetryPolicy?.MaximumEventAgeInSeconds,
    })
  }
}

interface Saved {
  readonly rules: unknown
  readonly underWay: ReadonlySet<Flight>
  readonly order: number
  readonly deliveries: unknown
}

/** EventBridge names failures in its own words. */
function deadLetterCode(error: unknown): string {
  const code = error instanceof AwsError ? error.code : ''
  if (/AccessDenied/.test(code)) return 'NO_PERMISSIONS'
  if (/NotFound|DoesNotExist/.test(code)) return 'NO_RESOURCE'
  if (/Throttl|TooManyRequests/.test(code)) return 'THROTTLING'
  return error instanceof AwsError && error.status < 500 ? 'SDK_CLIENT_ERROR' : 'INTERNAL_ERROR'
}
