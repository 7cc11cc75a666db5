/**
 * What can go wrong on purpose: a list of planned faults that the wire server, the Lambda runtime and the event bus consult
 * before they act. The first planned fault that fits strikes, and none beside it.
 *
 * A run repeats exactly: a fault is used up after `times` hits (1 unless told), and one of a probability draws from its seed.
 */
import { createHash } from 'node:crypto'
import type { Durable } from './durability.ts'
import { fits } from './fault-patterns.ts'
import type { CallPattern, EventPattern, InvocationPattern } from './fault-patterns.ts'

export type CallEffect =
  /** The call is refused with this code before it does anything. */
  | { readonly kind: 'fail'; readonly code: string; readonly message?: string; readonly status?: number }
  /** The call is refused as the service refuses when its limits are exceeded. */
  | { readonly kind: 'throttle' }
  /** The call does its work, then the connection is cut: the caller never learns. */
  | { readonly kind: 'loseAnswer' }
  /** The call is answered after this much virtual time. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The call is carried out twice, as when the network delivers it twice; the caller gets the second answer. */
  | { readonly kind: 'duplicate' }

export type InvocationEffect =
  /** The function is not run; the caller sees an error of this name. */
  | { readonly kind: 'fail'; readonly error: string; readonly message?: string }
  /** The function is not run; the caller sees `Lambda.TooManyRequestsException`. */
  | { readonly kind: 'throttle' }
  /** The function runs to its end; the caller sees `Lambda.SdkClientException` instead of its answer. */
  | { readonly kind: 'loseAnswer' }
  /** The caller gets the answer after this much virtual time. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The function runs twice, one after the other; the caller gets the second answer. */
  | { readonly kind: 'duplicate' }

export type EventEffect =
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The event arrives right after the event that follows it; alone after five minutes if none follows. */
  | { readonly kind: 'reorder' }

export interface CallTarget {
  readonly service: string
  readonly operation: string
  readonly input: unknown
}

export interface InvocationTarget {
  readonly functionName: string
  readonly payload: unknown
}

export interface EventTarget {
  readonly source: string
  readonly detailType: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** How often a fault strikes. */
export interface Frequency {
  /** Hits until the fault is used up: 1 unless told, without end for a fault of a probability. */
  readonly times?: number
  /** In (0, 1]: the chance that a target which fits is struck. */
  readonly probability?: number
  /**
   * Which of them are struck. The draw depends on the seed, on the kind of target (an operation, a function, a detail type) and
   * on how many of that kind there were before: other work at the same time does not change it.
   */
  readonly seed?: number
}

type On = 'call' | 'invocation' | 'event'
type Effect = CallEffect | InvocationEffect | EventEffect

/** A fault as it is planned, with what has become of it. */
export interface PlannedFault extends Frequency {
  readonly id: string
  readonly on: On
  /** Absent when the fault was planned with a function. */
  readonly target?: CallPattern | InvocationPattern | EventPattern
  readonly effect: Effect
  /** Hits left; absent when there is no end to them. */
  readonly left?: number
  readonly struckCount: number
}

/** One hit. */
export interface Strike {
  /** Id of the fault. */
  readonly fault: string
  readonly on: On
  /** What was struck: `ec2:CreateSnapshots`, a function's name, `aws.ec2 EBS Snapshot Notification`. */
  readonly subject: string
  readonly effect: Effect['kind']
}

interface Planned<Target, Kind extends Effect> extends Frequency {
  readonly id: string
  readonly pattern?: Pattern
  readonly matches: (target: Target) => boolean
  readonly effect: Kind
  left: number
  struckCount: number
  /** Targets seen so far, by subject. */
  readonly seen: Map<string, number>
}

type Pattern = CallPattern | InvocationPattern | EventPattern
type Matcher<Target, Of extends Pattern> = ((target: Target) => boolean) | Of

/** Strikes remembered; the oldest go first. */
const STRIKE_LIMIT = 10_000

export class Faults {
  readonly #calls: Planned<CallTarget, CallEffect>[] = []
  readonly #invocations: Planned<InvocationTarget, InvocationEffect>[] = []
  readonly #events: Planned<EventTarget, EventEffect>[] = []
  readonly #struck: Strike[] = []
  #count = 0

  /** Returns the fault's id. */
  onCall(target: Matcher<CallTarget, CallPattern>, effect: CallEffect, often: number | Frequency = 1): string {
    return this.#plan(this.#calls, target, effect, often)
  }

  onInvocation(
    target: Matcher<InvocationTarget, InvocationPattern>,
    effect: InvocationEffect,
    often: number | Frequency = 1,
  ): string {
    return this.#plan(this.#invocations, target, effect, often)
  }

  onEvent(target: Matcher<EventTarget, EventPattern>, effect: EventEffect, often: number | Frequency = 1): string {
    return this.#plan(this.#events, target, effect, often)
  }

  /** The fault that strikes this call, if any; takes one hit off it. */
  forCall(target: CallTarget): CallEffect | undefined {
    return this.#strike('call', this.#calls, target, `${target.service}:${target.operation}`)
  }

  forInvocation(target: InvocationTarget): InvocationEffect | undefined {
    return this.#strike('invocation', this.#invocations, target, target.functionName)
  }

  forEvent(target: EventTarget): EventEffect | undefined {
    return this.#strike('event', this.#events, target, `${target.source} ${target.detailType}`)
  }

  /** Planned faults that did not strike as often as planned (without an end: never): a test that misses one proves nothing. */
  get unused(): number {
    return [...this.#calls, ...this.#invocations, ...this.#events].filter(isUnused).length
  }

  /** Every fault that was planned and not removed, used up or not. */
  get planned(): readonly PlannedFault[] {
    return [
      ...this.#calls.map((fault) => described('call', fault)),
      ...this.#invocations.map((fault) => described('invocation', fault)),
      ...this.#events.map((fault) => described('event', fault)),
    ]
  }

  /** Oldest first. */
  get struck(): readonly Strike[] {
    return this.#struck
  }

  /** Whether there was such a fault. */
  remove(id: string): boolean {
    return [this.#calls, this.#invocations, this.#events].some((faults) => {
      const at = faults.findIndex((fault) => fault.id === id)
      if (at >= 0) faults.splice(at, 1)
      return at >= 0
    })
  }

  /** Forgets what is planned and what struck. */
  clear(): void {
    for (const list of [this.#calls, this.#invocations, this.#events, this.#struck]) list.length = 0
  }

  /** Faults that were planned with a pattern; one that was planned with a function ends with its process. */
  get durable(): Durable {
    const lists = { calls: this.#calls, invocations: this.#invocations, events: this.#events }
    type Saved = Omit<Planned<never, never>, 'matches'>
    return {
      name: 'faults',
      save: () => ({
        count: this.#count,
        struck: this.#struck,
        ...Object.fromEntries(
          Object.entries(lists).map(([name, faults]) => [
            name,
            faults.filter(({ pattern }) => pattern).map((fault) => ({ ...fault, matches: undefined })),
          ]),
        ),
      }),
      restore: (saved) => {
        const state = saved as { count: number; struck: Strike[] } & Record<keyof typeof lists, Saved[]>
        this.#count = state.count
        this.#struck.push(...state.struck)
        for (const name of ['calls', 'invocations', 'events'] as const)
          for (const fault of state[name])
            lists[name].push({ ...fault, matches: (target: unknown) => fits(fault.pattern, target) })
      },
    }
  }

  #plan<Target, Kind extends Effect>(
    faults: Planned<Target, Kind>[],
    target: Matcher<Target, Pattern>,
    effect: Kind,
    often: number | Frequency,
  ): string {
    const frequency = typeof often === 'number' ? { times: often } : often
    const { probability, times = probability === undefined ? 1 : Infinity } = frequency
    if (!(times > 0)) throw new RangeError(`A fault strikes at least once, not ${times} times.`)
    if (probability !== undefined && !(probability > 0 && probability <= 1))
      throw new RangeError(`A probability is more than 0 and at most 1, not ${probability}.`)
    this.#count += 1
    const id = `fault-${this.#count}`
    const matching = isFunction(target)
      ? { matches: target }
      : { pattern: target, matches: (candidate: Target) => fits(target, candidate) }
    faults.push({ id, effect, ...frequency, ...matching, left: times, struckCount: 0, seen: new Map() })
    return id
  }

  #strike<Target, Kind extends Effect>(
    on: On,
    faults: readonly Planned<Target, Kind>[],
    target: Target,
    subject: string,
  ): Kind | undefined {
    const fault = faults.find(
      (candidate) => candidate.left > 0 && candidate.matches(target) && isDrawn(candidate, subject),
    )
    if (!fault) return undefined
    fault.left -= 1
    fault.struckCount += 1
    this.#struck.push({ fault: fault.id, on, subject, effect: fault.effect.kind })
    if (this.#struck.length > STRIKE_LIMIT) this.#struck.shift()
    return fault.effect
  }
}

const isUnused = ({ left, struckCount }: { left: number; struckCount: number }): boolean =>
  left === Infinity ? struckCount === 0 : left > 0

const isFunction = <Target>(matcher: Matcher<Target, Pattern>): matcher is (target: Target) => boolean =>
  typeof matcher === 'function'

/** Whether chance, if the fault leaves anything to it, picks the next target of this kind. */
function isDrawn({ probability, seed = 0, seen }: Planned<never, Effect>, subject: string): boolean {
  if (probability === undefined) return true
  const order = (seen.get(subject) ?? 0) + 1
  seen.set(subject, order)
  const draw = createHash('sha256').update(`${seed} ${order} ${subject}`).digest().readUInt32BE()
  return draw < probability * 2 ** 32
}

function described<Target>(on: On, fault: Planned<Target, Effect>): PlannedFault {
  const { id, pattern, effect, times, probability, seed, left, struckCount } = fault
  return {
    id,
    on,
    ...(pattern ? { target: pattern } : {}),
    effect,
    ...(times === undefined ? {} : { times }),
    ...(probability === undefined ? {} : { probability }),
    ...(seed === undefined ? {} : { seed }),
    ...(left === Infinity ? {} : { left }),
    struckCount,
  }
}
