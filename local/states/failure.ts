import type { AwsError } from '../wire/service.ts'

/** What a state fails with: `error` is what Retry and Catch match on; `reason` becomes Cause. */
export class StateFailure extends Error {
  override readonly name: string = 'StateFailure'
  readonly error: string
  readonly reason: string | undefined

  constructor(error: string, reason?: string) {
    super(`${error}: ${reason ?? ''}`)
    this.error = error
    this.reason = reason
  }
}

/** A JSONata expression that cannot be evaluated; `location` is its field within the state, e.g. `Choices[1]/Condition`. */
export class EvaluationFailure extends StateFailure {
  override readonly name = 'EvaluationFailure'
  readonly location: string

  constructor(location: string, reason: string) {
    super('States.QueryEvaluationError', reason)
    this.location = location
  }
}

/** Not a failure: the state must end because its execution did, or because a branch beside it failed. Nothing catches it. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
  readonly by: 'execution' | 'sibling'

  constructor(by: 'execution' | 'sibling') {
    super(`cancelled by its ${by}`)
    this.by = by
  }
}

/** Whether IAM refused it. */
export const isDenial = ({ code }: AwsError): boolean =>
  code.startsWith('AccessDenied') || code === 'UnauthorizedOperation'

/** Bytes of any payload: a task's arguments and result, a state's input and output, an Assign (AWS facts C.1). */
export const PAYLOAD_LIMIT_BYTES = 256 * 1024

/** The value as JSON text. Throws States.DataLimitExceeded; `subject` is the resource type or the state that made it. */
export function payloadText(value: unknown, subject: string): string {
  const text = JSON.stringify(value ?? null)
  if (Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES)
    throw new StateFailure(
      'States.DataLimitExceeded',
      `The state/task '${subject}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    )
  return text
}
