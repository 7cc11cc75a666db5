import type { HistoryEvent } from '@aws-sdk/client-sfn'
import type { State, Template } from '../definition.ts'
import type { Step } from '../engine.ts'
import { EvaluationFailure, payloadText, StateFailure } from '../failure.ts'
import { WHOLE } from '../history.ts'
import type { RecordedEvent } from '../history.ts'
import { evaluateTemplate, isConstant } from '../jsonata.ts'
import type { MapItem, Stay, Step as PlainStep } from '../position.ts'
import type { Thread } from '../thread.ts'
import { checkAssignment } from '../variables.ts'

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

type StepOf<Kind extends PlainStep['kind']> = Extract<PlainStep, { kind: Kind }>

/** One stay in one state, retries included. Enters the state, unless its thread is in it already. */
export class Visit<Kind extends State = State> {
  readonly thread: Thread
  readonly name: string
  readonly state: Kind
  readonly input: unknown
  readonly stay: Stay

  constructor(thread: Thread, name: string, state: Kind) {
    this.thread = thread
    this.name = name
    this.state = state
    this.input = thread.position.input
    this.stay = thread.position.stay ?? this.#enter()
  }

  #enter(): Stay {
    const { execution, engine, position } = this.thread
    execution.beforeTransition()
    const enteredEventId = this.thread.record({
      type: `${this.state.Type}StateEntered`,
      stateEnteredEventDetails: {
        name: this.name,
        input: JSON.stringify(this.input ?? null),
        inputDetails: WHOLE,
      },
    })
    position.stay = {
      enteredAtMs: engine.clock.now(),
      enteredEventId,
      tries: [],
      retryCount: 0,
      retryAtMs: undefined,
      step: undefined,
    }
    this.observe('entered')
    return position.stay
  }

  /** What this try has come to, if it is of this kind. */
  step<Wanted extends PlainStep['kind']>(kind: Wanted): StepOf<Wanted> | undefined {
    const { step } = this.stay
    return isOfKind(step, kind) ? step : undefined
  }

  begin<Begun extends PlainStep>(step: Begun): Begun {
    this.stay.step = step
    return step
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
    if (isConstant(template)) return template
    const { engine, variables } = this.thread
    const { token, item = this.thread.item, ...seen } = extra
    const context = {
      ...this.thread.execution.context,
      State: {
        Name: this.name,
        EnteredTime: new Date(this.stay.enteredAtMs).toISOString(),
        RetryCount: this.stay.retryCount,
      },
      ...(token === undefined ? {} : { Task: { Token: token } }),
      ...(item === undefined ? {} : { Map: { Item: item } }),
    }
    const states = { input: this.input, context, ...seen }
    return evaluateTemplate(template, location, { ...engine.functions, ...variables, states })
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

  /** Makes Assign and Output, both from the old variables, and leaves the state: its thread is at the next one, or at its end. */
  async leave({ next, assign, output, result, extra, location = '' }: Outcome): Promise<void> {
    const value = output === undefined ? result : await this.evaluate(output, `${location}Output`, extra)
    const text = payloadText(value, this.name)
    const variables: [string, unknown][] = Object.entries(
      Object(assign === undefined ? {} : await this.evaluate(assign, `${location}Assign`, extra)),
    )
    if (variables.length > 0) checkAssignment(this.thread.variables, Object.fromEntries(variables))
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
    this.#moveOn(next, value, variables)
    this.observe('exited')
  }

  /** In one go with the event above, so that no restart finds the one without the other. */
  #moveOn(next: string | undefined, output: unknown, assigned: readonly [string, unknown][]): void {
    const { position } = this.thread
    position.variables = { ...position.variables, ...Object.fromEntries(assigned) }
    position.stay = undefined
    if (next === undefined) position.end = { output }
    else {
      position.state = next
      position.input = output
    }
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
    return `An error occurred while executing the state '${this.name}' (entered at the event id #${this.stay.enteredEventId}). ${reason}`
  }
}

function isOfKind<Kind extends PlainStep['kind']>(step: PlainStep | undefined, kind: Kind): step is StepOf<Kind> {
  return step?.kind === kind
}
