/** Refusals that all services have: of what is not here, of a caller who asks too often, and of a fault planned on purpose. */
import type { CallEffect } from './faults.ts'
import { AwsError } from './wire/service.ts'
import type { AwsErrorOptions, Caller, Operation } from './wire/service.ts'

/** Status of the codes that AWS answers as its own fault; the rest is 400. For planned faults that name a code only. */
const STATUS_OF_FAULT: Readonly<Record<string, number>> = {
  InternalError: 500,
  InternalFailure: 500,
  InternalServerError: 500,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  SlowDown: 503,
  Unavailable: 503,
}

/** By signing name: code, message, status, more of the body; any other service answers `ThrottlingException`, 400 (AWS facts A.20, B, C.1, E). */
const THROTTLED: Readonly<Record<string, readonly [string, string, number, AwsErrorOptions['fields']?]>> = {
  ec2: ['RequestLimitExceeded', 'Request limit exceeded.', 503],
  s3: ['SlowDown', 'Please reduce your request rate.', 503],
  lambda: ['TooManyRequestsException', 'Rate Exceeded.', 429],
  ebs: ['RequestThrottledException', 'Request throttled.', 400, { Reason: 'ACCOUNT_THROTTLED' }],
  scheduler: ['ThrottlingException', 'Rate exceeded', 429],
  sqs: ['RequestThrottled', 'Request is throttled.', 403],
  sts: ['Throttling', 'Rate exceeded', 400],
  iam: ['Throttling', 'Rate exceeded', 400],
}

/** How a service refuses whoever exceeds its limits. */
export function throttled(service: string): AwsError {
  const [code, message, status, fields = {}] = THROTTLED[service] ?? ['ThrottlingException', 'Rate exceeded', 400]
  return new AwsError(code, message, { status, fields })
}

/** The refusal that a planned fault stands for; undefined when the call is to be carried out. */
export function plannedRefusal(service: string, effect: CallEffect | undefined): AwsError | undefined {
  if (effect?.kind === 'throttle') return throttled(service)
  if (effect?.kind !== 'fail') return undefined
  const { code, message = `${code} (a planned fault)`, status = STATUS_OF_FAULT[code] ?? 400 } = effect
  return new AwsError(code, message, { status })
}

/**
 * An operation that takes these members alone: any other would change the outcome if it were left out, so it is refused.
 * @param refuse makes the refusal, in the service's words, of a member by its name
 */
export function taking<Input extends object>(
  members: readonly string[],
  refuse: (name: string) => AwsError,
  run: (input: Input, caller: Caller) => unknown,
): Operation {
  return (input: Input, caller: Caller) => {
    takeOnly(input, members, refuse)
    return run(input, caller)
  }
}

/** Refuses the first member of `input` that is set and not among `members`. @throws AwsError what `refuse` makes */
export function takeOnly(input: object, members: readonly string[], refuse: (name: string) => AwsError): void {
  for (const [name, value] of Object.entries(input)) {
    if (isSet(value) && !members.includes(name)) throw refuse(name)
  }
}

/** `false`, an empty list and an empty map ask for what is so without them. */
const isSet = (value: unknown): boolean => value !== undefined && value !== false && !isEmpty(value)

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && Object.keys(value).length === 0
