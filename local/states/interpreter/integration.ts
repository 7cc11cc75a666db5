import type { TaskState } from '../definition.ts'
import { StateFailure } from '../failure.ts'
import type { TaskStep } from '../position.ts'
import type { Callback } from '../tokens.ts'
import type { Visit } from './visit.ts'

/** One call of a service by a Task state. */
export interface Call {
  readonly visit: Visit<TaskState>
  readonly step: TaskStep
  readonly args: Readonly<Record<string, unknown>>
  /** With `.waitForTaskToken`. */
  readonly callback: Callback | undefined
  /** To be told that the service has taken the work on, while the task goes on waiting. */
  submitted(output: unknown): void
  /** False once the task has ended without this call, e.g. because its time was over. */
  isOpen(): boolean
}

/** Gives the task's result; throws StateFailure. After a restart of the account it is run again with what its step knows. */
export interface Integration {
  readonly resourceType: string
  /** As the history names it, e.g. `invoke.waitForTaskToken`. */
  readonly resource: string
  run(call: Call): Promise<unknown>
}

/** What the SDK adds to every answer. */
export const sdkMetadata = (requestId: string): Readonly<Record<string, unknown>> => ({
  SdkHttpMetadata: { HttpStatusCode: 200 },
  SdkResponseMetadata: { RequestId: requestId },
})

/** Throws States.Runtime for arguments that the integration does not have, or that are not implemented. */
export function checkArguments(call: Call, allowed: readonly string[], needed: string): void {
  const unknown = Object.keys(call.args).find((key) => !allowed.includes(key))
  if (unknown !== undefined)
    throw new StateFailure('States.Runtime', call.visit.described(`The argument '${unknown}' is not supported.`))
  if (typeof call.args[needed] !== 'string')
    throw new StateFailure('States.Runtime', call.visit.described(`The argument '${needed}' must be a string.`))
}
