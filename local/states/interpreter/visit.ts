import type { HistoryEvent } from '@aws-sdk/client-sfn'
import type { State, Template } from '../definition.ts'
import type { Step } from '../engine.ts'
import { EvaluationFailure, payloadText, StateFailure } from '../failure.ts'
import { WHOLE } from '../history.ts'
import type { RecordedEvent } from '../history.ts'
import { evaluateTemplate } from '../jsonata.ts'
import type { Retries } from '../retry.ts'
import type { MapItem, Thread } from '../thread.ts'

/** What of `$states` only some fields see. */
export interface Extra {
  readonly result?: unknown
  readonly errorOutput?: { readonly Error: string; readonly Cause?: string | undefined }
  readonly token?: string | undefined
  readonly item?: MapItem | undefined
}

/** How a state ends: where to go, and what its Assign and Output are made of. */
export interface Outcome {
  /** Undefined: the block ends here. */
  readonly next: string | undefined
  readonly assign?: Template
  readonly output?: Template
  /** The output when there is no Output. */
  readonly result: unknown
  readonly extra?: Extra
  /** Where Assign and Output stand, e.g. `Choices[1]/`. */
  readonly location?: string
}

/** One stay in one state, retries included. */
export class Visit<Kind extends State = State> {
  readonly thread: Thread
  readonly name: string
  readonly state: Kind
  readonly input: unknown
  readonly #retries: Retries
  readonly #enteredAt: string
  readonly #enteredEventId: number

  constructor(thread: Thread, name: string, state: Kind, input: unknown, retries: Retries) {
    this.thread = thread
    this.name = name
    this.state = state
    this.input = input
    this.#retries = retries
    thread.execution.beforeTransition()
    this.#enteredAt = new Date(thread.engine.clock.now()).toISOString()
    this.#enteredEventId = thread.record({
      type: `${state.Type}StateEntered`,
      stateEnteredEventDetails: { name, input: JSON.stringify(input ?? null), inputDetails: WHOLE },
    })
    this.observe('entered')
  }

  record(event: RecordedEvent): number {
    return this.thread.record(event)
  }

  observe(event: Step['event'], error?: string): void {
    const { engine, execution } = this.thread
    engine.observe({
      executionArn: execution.arn,
      stateMachineName: execution.machineName,
      state: this.name,
      event,
      ...(error === undefined ? {} : { error }),
      atMs: engine.clock.now(),
    })
  }

  /** Throws EvaluationFailure. `location` is the field of the state that holds the template. */
  async evaluate(template: Template, location: string, extra: Extra = {}): Promise<unknown> {
    const { engine, variables } = this.thread
    const { token, item = this.thread.item, ...seen } = extra
    const context = {
      ...this.thread.execution.context,
      State: { Name: this.name, EnteredTime: this.#enteredAt, RetryCount: this.#retries.count },
      ...(token === undefined ? {} : { Task: { Token: token } }),
      ...(item === undefined ? {} : { Map: { Item: item } }),
    }
    const states = { input: this.input, context, ...seen }
    return evaluateTemplate(template, location, { ...engine.functions, ...variables.all, states })
  }

  /** A number of at least 0 that may be an expression. */
  async evaluateNumber(template: number | string, location: string): Promise<number> {
    const value = await this.evaluate(template, location)
    if (typeof value === 'number' && value >= 0) return value
    throw this.unexpected(template, location, 'non-negative number', value)
  }

  async evaluateText(template: string, location: string): Promise<string> {
    const value = await this.evaluate(template, location)
    if (typeof value === 'string') return value
    throw this.unexpected(template, location, 'string', value)
  }

  unexpected(template: Template, location: string, expected: string, value: unknown): EvaluationFailure {
    const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
    return new EvaluationFailure(
      location,
      `The JSONata expression '${String(template)}' specified for the field '${location}' returned an unexpected result type. Expected '${expected}', but was '${kind}'.`,
    )
  }

  /** Makes Assign and Output, both from the old variables, and leaves the state. Returns its output. */
  async leave({ assign, output, result, extra, location = '' }: Outcome): Promise<unknown> {
    const value = output === undefined ? result : await this.evaluate(output, `${location}Output`, extra)
    const text = payloadText(value, this.name)
    const variables: [string, unknown][] = Object.entries(
      Object(assign === undefined ? {} : await this.evaluate(assign, `${location}Assign`, extra)),
    )
    this.thread.variables.assign(Object.fromEntries(variables))
    const exited = {
      stateExitedEventDetails: {
        name: this.name,
        output: text,
        outputDetails: WHOLE,
        ...(variables.length === 0
          ? {}
          : {
              assignedVariables: Object.fromEntries(variables.map(([key, made]) => [key, JSON.stringify(made)])),
              assignedVariablesDetails: WHOLE,
            }),
      },
    } satisfies Partial<HistoryEvent>
    if (this.state.Type !== 'Fail') this.record({ type: `${this.state.Type}StateExited`, ...exited })
    this.observe('exited')
    return value
  }

  /** The failure as its execution shows it: with the place where it happened, if it is one of the interpreter itself. */
  located(failure: StateFailure): StateFailure {
    if (!(failure instanceof EvaluationFailure)) return failure
    this.record({
      type: 'EvaluationFailed',
      evaluationFailedEventDetails: {
        error: failure.error,
        cause: failure.reason,
        location: failure.location,
        state: this.name,
      },
    })
    return new StateFailure(failure.error, this.described(failure.reason ?? ''))
  }

  described(reason: string): string {
    return `An error occurred while executing the state '${this.name}' (entered at the event id #${this.#enteredEventId}). ${reason}`
  }
}
