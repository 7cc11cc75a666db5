import type { HistoryEvent } from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import { Cancelled, payloadText, StateFailure } from './failure.ts'
import type { Definition, Block } from './definition.ts'
import type { Child, Ended, Engine, Status } from './engine.ts'
import { EVENT_LIMIT, History, WHOLE } from './history.ts'
import type { RunBlock } from './interpreter/block.ts'
import { rewind, startOf } from './position.ts'
import type { Position } from './position.ts'
import { Thread } from './thread.ts'
import type { ExecutionView } from './thread.ts'

const DAY_MS = 24 * 60 * 60_000
/** No execution lasts longer (AWS facts C.1). */
const YEAR_MS = 365 * DAY_MS
/** How long after its end an execution may be redriven (AWS facts C.6). */
const REDRIVABLE_MS = 14 * DAY_MS

/** What an execution runs: as its state machine stood when it started. Plain data. */
export interface Program {
  readonly machineArn: string
  readonly machineName: string
  readonly roleArn: string
  readonly definition: Block & Pick<Definition, 'TimeoutSeconds'>
  /** The machine that ends its executions when it is deleted; for a child of a Distributed Map that of its parent. */
  readonly ownerArn: string
  /** Of the version that was started, if it was one. */
  readonly versionArn?: string
}

/** All that is kept of an execution. Plain data. */
export interface ExecutionRecord {
  readonly arn: string
  readonly name: string
  readonly program: Program
  readonly inputText: string
  readonly mapRunArn: string | undefined
  readonly startedAtMs: number
  readonly events: HistoryEvent[]
  status: Status
  endedAtMs: number | undefined
  outputText: string | undefined
  error: string | undefined
  cause: string | undefined
  redriveCount: number
  redrivenAtMs: number | undefined
  /** The client token of the last redrive. */
  redriveToken: string | undefined
  /** Undefined once it has succeeded: then nothing goes on from here. */
  position: Position | undefined
}

export const newRecord = (
  given: Pick<ExecutionRecord, 'arn' | 'name' | 'program' | 'inputText' | 'mapRunArn' | 'startedAtMs'>,
): ExecutionRecord => ({
  ...given,
  events: [],
  status: 'RUNNING',
  endedAtMs: undefined,
  outputText: undefined,
  error: undefined,
  cause: undefined,
  redriveCount: 0,
  redrivenAtMs: undefined,
  redriveToken: undefined,
  // The first state's event follows nothing: AWS gives it 0 as the event before it.
  position: startOf(given.program.definition.StartAt, JSON.parse(given.inputText), 0, undefined),
})

interface ExecutionOptions {
  readonly engine: Engine
  readonly runBlock: RunBlock
  /** Called when it has started, when it is redriven, and when it has ended. */
  readonly onStatus: (execution: Execution) => void
}

/** One run of a state machine, or of one item of a Distributed Map. */
export class Execution implements Child, ExecutionView {
  readonly record: ExecutionRecord
  readonly history: History
  readonly #options: ExecutionOptions
  #controller = new AbortController()
  #end = Promise.withResolvers<void>()
  #input: unknown

  constructor(record: ExecutionRecord, options: ExecutionOptions) {
    this.record = record
    this.#options = options
    this.history = new History(options.engine.clock, record.events)
    if (record.status !== 'RUNNING') this.#end.resolve()
  }

  get arn(): string {
    return this.record.arn
  }

  get name(): string {
    return this.record.name
  }

  get status(): Status {
    return this.record.status
  }

  get inputText(): string {
    return this.record.inputText
  }

  get outputText(): string | undefined {
    return this.record.outputText
  }

  get error(): string | undefined {
    return this.record.error
  }

  get cause(): string | undefined {
    return this.record.cause
  }

  get mapRunArn(): string | undefined {
    return this.record.mapRunArn
  }

  get startedAtMs(): number {
    return this.record.startedAtMs
  }

  get endedAtMs(): number | undefined {
    return this.record.endedAtMs
  }

  get redriveCount(): number {
    return this.record.redriveCount
  }

  get redrivenAtMs(): number | undefined {
    return this.record.redrivenAtMs
  }

  get machineArn(): string {
    return this.record.program.machineArn
  }

  get machineName(): string {
    return this.record.program.machineName
  }

  get roleArn(): string {
    return this.record.program.roleArn
  }

  /** Resolves when it has ended, however it did. */
  get ended(): Promise<void> {
    return this.#end.promise
  }

  get isRedrivable(): boolean {
    const { status, events, endedAtMs = 0 } = this.record
    if (status === 'RUNNING' || status === 'SUCCEEDED') return false
    return events.length < EVENT_LIMIT - 1 && this.#now() - endedAtMs <= REDRIVABLE_MS
  }

  get context(): Readonly<Record<string, unknown>> {
    this.#input ??= JSON.parse(this.inputText)
    const { redrivenAtMs } = this.record
    return {
      Execution: {
        Id: this.arn,
        Input: this.#input,
        Name: this.name,
        RoleArn: this.roleArn,
        StartTime: new Date(this.startedAtMs).toISOString(),
        RedriveCount: this.redriveCount,
        ...(redrivenAtMs === undefined ? {} : { RedriveTime: new Date(redrivenAtMs).toISOString() }),
      },
      StateMachine: { Id: this.machineArn, Name: this.machineName },
    }
  }

  begin(): void {
    const { inputText: input, roleArn } = this
    const executionStartedEventDetails = { input, inputDetails: WHOLE, roleArn }
    this.history.append({ type: 'ExecutionStarted', executionStartedEventDetails }, 0)
    this.#options.onStatus(this)
    void this.#run()
  }

  /** Goes on where an earlier process left off. */
  resume(): void {
    if (this.status === 'RUNNING') void this.#run()
  }

  /** Goes on from the states that did not succeed; the same token again changes nothing. Throws ExecutionNotRedrivable. */
  redrive(token?: string): void {
    const { record } = this
    if (token !== undefined && token === record.redriveToken) return
    if (!record.position || !this.isRedrivable)
      throw new AwsError('ExecutionNotRedrivable', `Execution is not redrivable: '${this.arn}'`)
    record.redriveCount += 1
    record.redrivenAtMs = this.#now()
    record.redriveToken = token
    Object.assign(record, { status: 'RUNNING', endedAtMs: undefined, error: undefined, cause: undefined })
    const executionRedrivenEventDetails = { redriveCount: record.redriveCount }
    const eventId = this.history.append(
      { type: 'ExecutionRedriven', executionRedrivenEventDetails },
      record.events.length,
    )
    rewind(record.position, eventId)
    this.#controller = new AbortController()
    this.#end = Promise.withResolvers()
    this.#options.onStatus(this)
    void this.#run()
  }

  /** Ends it as aborted; an execution that has ended stays as it is. */
  stop(error?: string, cause?: string): void {
    if (this.status !== 'RUNNING') return
    this.history.end({ type: 'ExecutionAborted', executionAbortedEventDetails: details(error, cause) })
    this.#ending('ABORTED', error, cause)
  }

  beforeTransition(): void {
    if (this.#options.engine.isDeleting(this.record.program.ownerArn)) this.stop()
    this.#controller.signal.throwIfAborted()
  }

  #now(): number {
    return this.#options.engine.clock.now()
  }

  async #run(): Promise<void> {
    const { engine, runBlock } = this.#options
    const { position, program } = this.record
    if (!position) return
    const { signal } = this.#controller
    const cancelTimeout = this.#startTimeout()
    const thread = new Thread({ engine, execution: this, position, signal })
    try {
      await thread.run(async () => {
        this.#succeed(await runBlock(thread, program.definition))
      })
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#fail(error)
    } finally {
      cancelTimeout()
    }
  }

  /** A redrive gets the whole time again. Nobody works towards the end of the year, so no clock jumps there. */
  #startTimeout(): () => void {
    const { clock } = this.#options.engine
    const { TimeoutSeconds: seconds } = this.record.program.definition
    const startedAtMs = this.redrivenAtMs ?? this.startedAtMs
    const limitMs = Math.min(seconds === undefined ? YEAR_MS : seconds * 1000, YEAR_MS)
    return clock.after(startedAtMs + limitMs - clock.now(), () => this.#timeOut(), {
      background: seconds === undefined,
    })
  }

  #succeed(output: unknown): void {
    if (this.status !== 'RUNNING') return
    const outputText = payloadText(output, this.name)
    const executionSucceededEventDetails = { output: outputText, outputDetails: WHOLE }
    this.history.end({ type: 'ExecutionSucceeded', executionSucceededEventDetails })
    this.record.outputText = outputText
    this.record.position = undefined
    this.#ending('SUCCEEDED')
  }

  #fail(thrown: unknown): void {
    if (this.status !== 'RUNNING') return
    const failure = thrown instanceof StateFailure ? thrown : new StateFailure('States.Runtime', String(thrown))
    const executionFailedEventDetails = details(failure.error, failure.reason)
    this.history.end({ type: 'ExecutionFailed', executionFailedEventDetails })
    this.#ending('FAILED', failure.error, failure.reason)
  }

  #timeOut(): void {
    if (this.status !== 'RUNNING') return
    this.history.end({ type: 'ExecutionTimedOut', executionTimedOutEventDetails: details('States.Timeout') })
    this.#ending('TIMED_OUT', 'States.Timeout')
  }

  #ending(status: Ended, error?: string, cause?: string): void {
    const { record } = this
    record.status = status
    // AWS keeps this much of them.
    record.error = error?.slice(0, 256)
    record.cause = cause?.slice(0, 32_768)
    record.endedAtMs = this.#now()
    this.#input = undefined
    this.#controller.abort(new Cancelled('execution'))
    this.#options.onStatus(this)
    this.#end.resolve()
  }
}

const details = (error?: string, cause?: string) => ({
  ...(error === undefined ? {} : { error }),
  ...(cause === undefined ? {} : { cause }),
})
