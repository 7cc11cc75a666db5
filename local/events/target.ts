import { AwsError } from '../wire/service.ts'

/** What a rule or a schedule asks of the account: to invoke `arn` with `input`. */
export interface TargetInvocation {
  readonly arn: string
  readonly roleArn?: string
  readonly input: unknown
  /** The input as its owner wrote it, where that need not be JSON: a message to a queue. */
  readonly text?: string
}

/**
 * Takes an invocation to its target for `sourceArn`, a rule or a schedule. Resolves when the target has accepted it. Rejects when
 * it has not: an AwsError with a status of 500 or of throttling is tried again, any other refusal is final, as with EventBridge.
 */
export type Deliver = (invocation: TargetInvocation, sourceArn: string) => Promise<void>

/** Puts what was given up into the queue that its rule or schedule names. Throws AwsError when the queue does not take it. */
export type SendDeadLetter = (letter: DeadLetter) => void

export interface DeadLetter {
  readonly queueArn: string
  readonly sourceArn: string
  /** Whose permission is asked; absent for a rule, which the queue's own policy lets in. */
  readonly roleArn?: string
  readonly body: string
  /** By name; numbers are sent as such. */
  readonly attributes: Readonly<Record<string, string | number>>
}

export const isFinalRefusal = (error: unknown): boolean =>
  error instanceof AwsError && error.status < 500 && error.status !== 429 && !/Throttl|TooManyRequests/.test(error.code)

/** A rule or a schedule that gave up on its target. */
export interface Undelivered {
  readonly sourceArn: string
  readonly invocation: TargetInvocation
  readonly deadLetterArn?: string
  readonly attempts: number
  readonly reason: string
  /** Why the dead-letter queue did not take it: then the event is lost, as on AWS. */
  readonly lostBecause?: string
}

/**
 * Wait before the next attempt: 1 s, doubled each time, 5 minutes at most. AWS says "exponential back-off with jitter" and no
 * numbers; there is no jitter here, so that a run repeats exactly.
 */
export const retryDelayMs = (attempts: number): number => Math.min(1000 * 2 ** (attempts - 1), 300_000)

/** Defaults of rules and schedules alike: 24 hours and 185 attempts after the first (AWS facts D.1, D.2). */
export const DEFAULT_EVENT_AGE_SECONDS = 86_400
export const DEFAULT_RETRY_ATTEMPTS = 185
