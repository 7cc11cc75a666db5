import type { Clock } from '../clock.ts'
import { DEFAULT_EVENT_AGE_SECONDS, DEFAULT_RETRY_ATTEMPTS, isFinalRefusal, retryDelayMs } from './target.ts'
import type { Deliver, TargetInvocation, Undelivered } from './target.ts'

export interface Task {
  /** ARN of the rule or the schedule. */
  readonly sourceArn: string
  /** The invocation for each attempt, the first of which is 1. */
  readonly invocation: (attempt: number) => TargetInvocation
  readonly maximumRetryAttempts?: number | undefined
  readonly maximumEventAgeSeconds?: number | undefined
  readonly deadLetterArn?: string | undefined
}

/** Remembered per bus and per scheduler; the oldest go first. */
const UNDELIVERED_LIMIT = 1000

/** Brings invocations to their targets, again and again within their retry policy, and remembers those that were given up. */
export class Deliveries {
  readonly undelivered: Undelivered[] = []
  readonly #clock: Clock
  readonly #deliver: Deliver

  constructor(clock: Clock, deliver: Deliver) {
    this.#clock = clock
    this.#deliver = deliver
  }

  start(task: Task): void {
    void this.#attempt(task, 1, this.#clock.now())
  }

  async #attempt(task: Task, attempt: number, startMs: number): Promise<void> {
    const invocation = task.invocation(attempt)
    try {
      await this.#clock.holding(() => this.#deliver(invocation))
    } catch (error) {
      const delayMs = retryDelayMs(attempt)
      const ageMs = (task.maximumEventAgeSeconds ?? DEFAULT_EVENT_AGE_SECONDS) * 1000
      const isTooOld = this.#clock.now() + delayMs > startMs + ageMs
      if (isFinalRefusal(error) || isTooOld || attempt > (task.maximumRetryAttempts ?? DEFAULT_RETRY_ATTEMPTS))
        this.#giveUp(task, invocation, attempt, error)
      else this.#clock.after(delayMs, () => void this.#attempt(task, attempt + 1, startMs))
    }
  }

  #giveUp(task: Task, invocation: TargetInvocation, attempts: number, error: unknown): void {
    const { sourceArn, deadLetterArn } = task
    this.undelivered.push({
      sourceArn,
      invocation,
      ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
      attempts,
      reason: error instanceof Error ? error.message : String(error),
    })
    if (this.undelivered.length > UNDELIVERED_LIMIT) this.undelivered.shift()
  }
}
