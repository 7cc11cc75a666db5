/** Refusals that are not a service's own: of a caller who asks too often, and of a fault planned on purpose. */
import type { CallEffect } from './faults.ts'
import { AwsError } from './wire/service.ts'
import type { AwsErrorOptions } from './wire/service.ts'

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
