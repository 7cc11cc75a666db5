/**
 * What can go wrong on purpose: a list of planned faults that the wire server, the Lambda runtime and the event bus consult
 * before they act. A fault is used up after `times` hits (1 unless told), so that a run repeats exactly.
 */

export type CallEffect =
  /** The call is refused with this code before it does anything. */
  | { readonly kind: 'fail'; readonly code: string; readonly message?: string; readonly status?: number }
  /** The call does its work, then the connection is cut: the caller never learns. */
  | { readonly kind: 'loseAnswer' }
  /** The call is answered after this much virtual time. */
  | { readonly kind: 'delay'; readonly delayMs: number }

export type InvocationEffect =
  /** The function is not run; the caller sees an error of this name. */
  | { readonly kind: 'fail'; readonly error: string; readonly message?: string }
  /** The function runs to its end; the caller sees `Lambda.SdkClientException` instead of its answer. */
  | { readonly kind: 'loseAnswer' }

export type EventEffect =
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'delay'; readonly delayMs: number }

interface Planned<Target, Effect> {
  readonly matches: (target: Target) => boolean
  readonly effect: Effect
  left: number
}

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

export class Faults {
  readonly #calls: Planned<CallTarget, CallEffect>[] = []
  readonly #invocations: Planned<InvocationTarget, InvocationEffect>[] = []
  readonly #events: Planned<EventTarget, EventEffect>[] = []

  onCall(matches: (target: CallTarget) => boolean, effect: CallEffect, times = 1): void {
    this.#calls.push({ matches, effect, left: times })
  }

  onInvocation(matches: (target: InvocationTarget) => boolean, effect: InvocationEffect, times = 1): void {
    this.#invocations.push({ matches, effect, left: times })
  }

  onEvent(matches: (target: EventTarget) => boolean, effect: EventEffect, times = 1): void {
    this.#events.push({ matches, effect, left: times })
  }

  /** The fault that strikes this call, if any; takes one hit off it. */
  forCall(target: CallTarget): CallEffect | undefined {
    return strike(this.#calls, target)
  }

  forInvocation(target: InvocationTarget): InvocationEffect | undefined {
    return strike(this.#invocations, target)
  }

  forEvent(target: EventTarget): EventEffect | undefined {
    return strike(this.#events, target)
  }

  /** Planned faults that never struck: a test that plans one and misses it proves nothing. */
  get unused(): number {
    return [...this.#calls, ...this.#invocations, ...this.#events].filter((fault) => fault.left > 0).length
  }

  clear(): void {
    this.#calls.length = 0
    this.#invocations.length = 0
    this.#events.length = 0
  }
}

function strike<Target, Effect>(planned: Planned<Target, Effect>[], target: Target): Effect | undefined {
  const fault = planned.find((candidate) => candidate.left > 0 && candidate.matches(target))
  if (!fault) return undefined
  fault.left -= 1
  return fault.effect
}
