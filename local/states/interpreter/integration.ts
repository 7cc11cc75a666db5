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
  /** Of its own; absent: those of the operation that it calls. */
  readonly parameters?: Parameters
  run(call: Call): Promise<unknown>
}

export interface Parameters {
  readonly known: readonly string[]
  /** The one that must be there. */
  readonly needed: string
}

/**
 * `….waitForTaskToken`: the task ends with whatever comes first, an answer to its token or a failure of the call. Most often the
 * call has ended long before; but a function may also answer its own token while it still runs.
 */
export const awaitingToken =
  (run: Integration['run']): Integration['run'] =>
  async (call) => {
    if (call.callback && call.step.submitted) return call.callback.answered
    const called = run(call)
    if (!call.callback) return called
    const { answered } = call.callback
    const submitted = async (): Promise<unknown> => {
      call.submitted(await called)
      return answered
    }
    return Promise.race([answered, submitted()])
  }

/** What the SDK adds to every answer. */
export const sdkMetadata = (requestId: string): Readonly<Record<string, unknown>> => ({
  SdkHttpMetadata: { HttpStatusCode: 200 },
  SdkResponseMetadata: { RequestId: requestId },
})

/** Throws States.Runtime for arguments that the integration does not have, or that are not implemented. */
export function checkArguments(call: Call, { known, needed }: Parameters): void {
  const unknown = Object.keys(call.args).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw new StateFailure('States.Runtime', call.visit.described(`The argument '${unknown}' is not supported.`))
  if (typeof call.args[needed] !== 'string')
    throw new StateFailure('States.Runtime', call.visit.described(`The argument '${needed}' must be a string.`))
}
