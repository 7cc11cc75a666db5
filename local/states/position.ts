/**
 * Where executions stand, as plain data: all that is needed to go on from there, after a restart of the account or by a redrive.
 * Everything that has happened is in here no later than in the history.
 */

/** `Map.Item` of the context object. */
export interface MapItem {
  readonly Index: number
  readonly Value: unknown
}

/** Where a line of states stands: the execution itself, a branch of a Parallel, or an item of an inline Map. */
export interface Position {
  /** The state that it is in, or comes to next. */
  state: string
  input: unknown
  /** Its own ones; those of the lines around it are read there. */
  variables: Readonly<Record<string, unknown>>
  previousEventId: number
  readonly item: MapItem | undefined
  /** Whether its first event has been recorded. */
  begun: boolean
  stay: Stay | undefined
  /** It has come to its end. */
  end: { readonly output: unknown } | undefined
}

/** A stay in one state, retries included. */
export interface Stay {
  readonly enteredAtMs: number
  readonly enteredEventId: number
  /** By index of the retrier: each counts its own (AWS facts C.5). */
  readonly tries: number[]
  retryCount: number
  /** The next try begins then. */
  retryAtMs: number | undefined
  /** What the try under way has come to. */
  step: Step | undefined
}

export interface WaitStep {
  readonly kind: 'wait'
  readonly untilMs: number
}

export interface TaskStep {
  readonly kind: 'task'
  readonly args: Readonly<Record<string, unknown>>
  readonly token: string | undefined
  readonly timeoutAtMs: number | undefined
  readonly heartbeatSeconds: number | undefined
  heartbeatAtMs: number | undefined
  /** The execution that it started. */
  childArn: string | undefined
  /** The service has taken the work on; the answer is still to come. */
  submitted: boolean
  outcome: TaskOutcome | undefined
}

export type TaskOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string; readonly reason: string | undefined }

/** Branches of a Parallel, or items of an inline Map. */
export interface ForkStep {
  readonly kind: 'fork'
  readonly branches: readonly Position[]
  readonly limit: number
}

export interface MapRunStep {
  readonly kind: 'mapRun'
  readonly arn: string
}

export type Step = WaitStep | TaskStep | ForkStep | MapRunStep

export const startOf = (
  startAt: string,
  input: unknown,
  previousEventId: number,
  item: MapItem | undefined,
): Position => ({
  state: startAt,
  input,
  variables: {},
  previousEventId,
  item,
  begun: false,
  stay: undefined,
  end: undefined,
})

/**
 * Makes a line that did not come to its end go on from the state that it is in, with fresh retriers; what came to its end
 * within it stays done (AWS facts C.6). `eventId` is that of the redrive.
 */
export function rewind(position: Position, eventId: number): void {
  if (position.end) return
  position.previousEventId = eventId
  const { stay } = position
  if (!stay) return
  stay.tries.length = 0
  stay.retryCount = 0
  stay.retryAtMs = undefined
  if (stay.step?.kind === 'fork') for (const branch of stay.step.branches) rewind(branch, eventId)
  else if (stay.step?.kind !== 'mapRun') stay.step = undefined
}
