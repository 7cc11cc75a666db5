import { Cancelled, payloadText, StateFailure } from './failure.ts'
import type { Definition, Block } from './definition.ts'
import type { Child, Ended, Engine, Status } from './engine.ts'
import { History, WHOLE } from './history.ts'
import type { RunBlock } from './interpreter/block.ts'
import { Thread } from './thread.ts'
import type { ExecutionView } from './thread.ts'
import { Variables } from './variables.ts'

/** What an execution runs: as its state machine stood when it started. */
export interface Program {
  readonly machineArn: string
  readonly machineName: string
  readonly roleArn: string
  readonly definition: Block & Pick<Definition, 'TimeoutSeconds'>
  /** Whether the state machine is being deleted by now. */
  isDeleting(): boolean
}

interface ExecutionOptions {
  readonly engine: Engine
  readonly program: Program
  readonly arn: string
  readonly name: string
  readonly inputText: string
  readonly mapRunArn?: string | undefined
  /** Called when it has started and when it has ended. */
  readonly onStatus: (execution: Execution) => void
}

/** One run of a state machine, or of one item of a Distributed Map. */
export class Execution implements Child, ExecutionView {
  readonly arn: string
  readonly name: string
  readonly program: Program
  readonly inputText: string
  readonly mapRunArn: string | undefined
  readonly startedAtMs: number
  readonly history: History
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<void>
  status: Status = 'RUNNING'
  endedAtMs: number | undefined
  outputText: string | undefined
  error: string | undefined
  cause: string | undefined
  readonly #engine: Engine
  readonly #onStatus: (execution: Execution) => void
  readonly #controller = new AbortController()
  readonly #resolveEnded: () => void

  constructor({ engine, program, arn, name, inputText, mapRunArn, onStatus }: ExecutionOptions) {
    this.#engine = engine
    this.program = program
    this.arn = arn
    this.name = name
    this.inputText = inputText
    this.mapRunArn = mapRunArn
    this.startedAtMs = engine.clock.now()
    this.history = new History(engine.clock)
    this.#onStatus = onStatus
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  get machineArn(): string {
    return this.program.machineArn
  }

  get machineName(): string {
    return this.program.machineName
  }

  get roleArn(): string {
    return this.program.roleArn
  }

  get context(): Readonly<Record<string, unknown>> {
    return {
      Execution: {
        Id: this.arn,
        Input: JSON.parse(this.inputText) as unknown,
        Name: this.name,
        RoleArn: this.roleArn,
        StartTime: new Date(this.startedAtMs).toISOString(),
        RedriveCount: 0,
      },
      StateMachine: { Id: this.machineArn, Name: this.machineName },
    }
  }

  begin(runBlock: RunBlock): void {
    const { inputText: input, roleArn } = this
    const executionStartedEventDetails = { input, inputDetails: WHOLE, roleArn }
    this.history.append({ type: 'ExecutionStarted', executionStartedEventDetails }, 0)
    this.#onStatus(this)
    void this.#run(runBlock)
  }

  /** Ends it as aborted; an execution that has ended stays as it is. */
  stop(error?: string, cause?: string): void {
    if (this.status !== 'RUNNING') return
    this.history.end({ type: 'ExecutionAborted', executionAbortedEventDetails: details(error, cause) })
    this.#end('ABORTED', error, cause)
  }

  beforeTransition(): void {
    if (this.program.isDeleting()) this.stop()
    this.#controller.signal.throwIfAborted()
  }

  async #run(runBlock: RunBlock): Promise<void> {
    const { definition } = this.program
    const cancelTimeout =
      definition.TimeoutSeconds === undefined
        ? undefined
        : this.#engine.clock.after(definition.TimeoutSeconds * 1000, () => this.#timeOut())
    // The first state's event follows nothing: AWS gives it 0 as the event before it.
    const thread = new Thread({
      engine: this.#engine,
      execution: this,
      variables: new Variables(),
      signal: this.#controller.signal,
      previousEventId: 0,
    })
    try {
      await thread.run(async () => {
        this.#succeed(await runBlock(thread, definition, JSON.parse(this.inputText)))
      })
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#fail(error)
    } finally {
      cancelTimeout?.()
    }
  }

  #succeed(output: unknown): void {
    if (this.status !== 'RUNNING') return
    this.outputText = payloadText(output, this.name)
    const executionSucceededEventDetails = { output: this.outputText, outputDetails: WHOLE }
    this.history.end({ type: 'ExecutionSucceeded', executionSucceededEventDetails })
    this.#end('SUCCEEDED')
  }

  #fail(thrown: unknown): void {
    if (this.status !== 'RUNNING') return
    const failure = thrown instanceof StateFailure ? thrown : new StateFailure('States.Runtime', String(thrown))
    const executionFailedEventDetails = details(failure.error, failure.reason)
    this.history.end({ type: 'ExecutionFailed', executionFailedEventDetails })
    this.#end('FAILED', failure.error, failure.reason)
  }

  #timeOut(): void {
    if (this.status !== 'RUNNING') return
    this.history.end({ type: 'ExecutionTimedOut', executionTimedOutEventDetails: details('States.Timeout') })
    this.#end('TIMED_OUT', 'States.Timeout')
  }

  #end(status: Ended, error?: string, cause?: string): void {
    this.status = status
    // AWS keeps this much of them.
    this.error = error?.slice(0, 256)
    this.cause = cause?.slice(0, 32_768)
    this.endedAtMs = this.#engine.clock.now()
    this.#controller.abort(new Cancelled('execution'))
    this.#onStatus(this)
    this.#resolveEnded()
  }
}

const details = (error?: string, cause?: string) => ({
  ...(error === undefined ? {} : { error }),
  ...(cause === undefined ? {} : { cause }),
})
