import type { Cancel, Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import { DEFAULT_EVENT_AGE_SECONDS, DEFAULT_RETRY_ATTEMPTS, isFinalRefusal, retryDelayMs } from './target.ts'
import type { Deliver, SendDeadLetter, TargetInvocation, Undelivered } from './target.ts'

/** One invocation to be made. Plain data: it is kept over a restart. */
export interface Task {
  /** ARN of the rule or the schedule. */
  readonly sourceArn: string
  readonly invocation: TargetInvocation
  readonly maximumRetryAttempts?: number | undefined
  readonly maximumEventAgeSeconds?: number | undefined
  readonly deadLetterArn?: string | undefined
  /** What a dead letter says beside the failure, e.g. its rule. */
  readonly letter: Readonly<Record<string, string>>
}

interface Pending {
  readonly task: Task
  readonly startMs: number
  /** Of the next attempt: the first is 1. */
  attempt: number
  dueMs: number
}

export interface DeliveriesOptions {
  readonly clock: Clock
  readonly deliver: Deliver
  /** Without it dead letters are lost. */
  readonly sendDeadLetter?: SendDeadLetter
  /** Fills in what is known only at an attempt. */
  readonly prepare?: (invocation: TargetInvocation, attempt: number) => TargetInvocation
  /** The failure's name in a dead letter. */
  readonly errorCode?: (error: unknown) => string
}

/** Remembered per bus and per scheduler; the oldest go first. */
const UNDELIVERED_LIMIT = 1000

type Condition = 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds'

const codeOf = (error: unknown): string => (error instanceof AwsError ? error.code : 'InternalError')
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Brings invocations to their targets, again and again within their retry policy, and what is given up to its queue. */
export class Deliveries {
  readonly undelivered: Undelivered[] = []
  readonly #options: DeliveriesOptions
  readonly #pending = new Set<Pending>()
  readonly #timers = new Map<Pending, Cancel>()

  constructor(options: DeliveriesOptions) {
    this.#options = options
  }

  start(task: Task): void {
    const nowMs = this.#options.clock.now()
    const pending: Pending = { task, startMs: nowMs, attempt: 1, dueMs: nowMs }
    this.#pending.add(pending)
    void this.#attempt(pending)
  }

  /** What is under way: plain data. */
  save(): unknown {
    return [...this.#pending]
  }

  restore(saved: unknown): void {
    for (const pending of saved as Pending[]) this.#pending.add(pending)
  }

  /** An attempt whose outcome nobody knows is made again: delivery is at least once. */
  resume(): void {
    for (const pending of this.#pending) this.#schedule(pending)
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #schedule(pending: Pending): void {
    const { clock } = this.#options
    const cancel = clock.after(pending.dueMs - clock.now(), () => {
      this.#timers.delete(pending)
      void this.#attempt(pending)
    })
    this.#timers.set(pending, cancel)
  }

  async #attempt(pending: Pending): Promise<void> {
    const { clock, deliver, prepare } = this.#options
    const { task, attempt } = pending
    const invocation = prepare?.(task.invocation, attempt) ?? task.invocation
    try {
      await deliver(invocation, task.sourceArn)
      this.#pending.delete(pending)
    } catch (error) {
      const exhausted = this.#exhausted(pending)
      if (isFinalRefusal(error) || exhausted) this.#giveUp(pending, invocation, error, exhausted)
      else {
        pending.dueMs = clock.now() + retryDelayMs(attempt)
        pending.attempt += 1
        this.#schedule(pending)
      }
    }
  }

  /** The limit that leaves no room for one more attempt. */
  #exhausted({ task, attempt, startMs }: Pending): Condition | undefined {
    if (attempt > (task.maximumRetryAttempts ?? DEFAULT_RETRY_ATTEMPTS)) return 'MaximumRetryAttempts'
    const ageMs = (task.maximumEventAgeSeconds ?? DEFAULT_EVENT_AGE_SECONDS) * 1000
    return this.#options.clock.now() + retryDelayMs(attempt) > startMs + ageMs ? 'MaximumEventAgeInSeconds' : undefined
  }

  #giveUp(pending: Pending, invocation: TargetInvocation, error: unknown, exhausted: Condition | undefined): void {
    const { task, attempt } = pending
    this.#pending.delete(pending)
    const isExhausted = exhausted !== undefined && !isFinalRefusal(error)
    const lostBecause = this.#sendAway(task, invocation, {
      ...task.letter,
      TARGET_ARN: invocation.arn,
      ERROR_CODE: (this.#options.errorCode ?? codeOf)(error),
      ERROR_MESSAGE: messageOf(error),
      RETRY_ATTEMPTS: attempt - 1,
      ...(isExhausted ? { EXHAUSTED_RETRY_CONDITION: exhausted } : {}),
    })
    this.undelivered.push({
      sourceArn: task.sourceArn,
      invocation,
      ...(task.deadLetterArn === undefined ? {} : { deadLetterArn: task.deadLetterArn }),
      attempts: attempt,
      reason: messageOf(error),
      ...(lostBecause === undefined ? {} : { lostBecause }),
    })
    if (this.undelivered.length > UNDELIVERED_LIMIT) this.undelivered.shift()
  }

  /** Returns why the queue did not take it. */
  #sendAway(
    { deadLetterArn, sourceArn }: Task,
    { input, text, roleArn }: TargetInvocation,
    attributes: Readonly<Record<string, string | number>>,
  ): string | undefined {
    if (deadLetterArn === undefined) return undefined
    try {
      this.#options.sendDeadLetter?.({
        queueArn: deadLetterArn,
        sourceArn,
        ...(roleArn === undefined ? {} : { roleArn }),
        body: text ?? JSON.stringify(input),
        attributes,
      })
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }
}
