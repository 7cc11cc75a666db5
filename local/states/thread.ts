import type { Cancel } from '../clock.ts'
import type { Engine } from './engine.ts'
import { Cancelled } from './failure.ts'
import type { History, RecordedEvent } from './history.ts'
import type { Variables } from './variables.ts'

/** The execution as its own states see it. */
export interface ExecutionView {
  readonly arn: string
  readonly name: string
  readonly machineArn: string
  readonly machineName: string
  readonly roleArn: string
  readonly history: History
  /** `Execution` and `StateMachine` of the context object. */
  readonly context: Readonly<Record<string, unknown>>
  /** Ends an execution whose state machine is being deleted. */
  beforeTransition(): void
}

/** `Map.Item` of the context object. */
export interface MapItem {
  readonly Index: number
  readonly Value: unknown
}

interface ThreadOptions {
  readonly engine: Engine
  readonly execution: ExecutionView
  readonly variables: Variables
  readonly signal: AbortSignal
  readonly previousEventId: number
  readonly item?: MapItem | undefined
}

/**
 * One line of states that follow each other: the execution itself, a branch of a Parallel, or an item of an inline Map. It
 * holds the clock while it computes and lets go while it waits.
 */
export class Thread {
  readonly engine: Engine
  readonly execution: ExecutionView
  readonly variables: Variables
  readonly signal: AbortSignal
  readonly item: MapItem | undefined
  #previousEventId: number
  #letGo: Cancel = () => {}

  constructor(options: ThreadOptions) {
    this.engine = options.engine
    this.execution = options.execution
    this.variables = options.variables
    this.signal = options.signal
    this.item = options.item
    this.#previousEventId = options.previousEventId
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#letGo = this.engine.clock.hold()
    try {
      return await work()
    } finally {
      this.#letGo()
    }
  }

  /** A thread that goes off here: it reads this one's variables and continues its chain of events. */
  fork(signal: AbortSignal, item = this.item): Thread {
    const { engine, execution } = this
    const variables = this.variables.inner()
    return new Thread({ engine, execution, variables, signal, item, previousEventId: this.#previousEventId })
  }

  /** Adds to the history; throws Cancelled once the thread has to end. Returns the event's id. */
  record(event: RecordedEvent): number {
    this.signal.throwIfAborted()
    this.#previousEventId = this.execution.history.append(event, this.#previousEventId)
    return this.#previousEventId
  }

  /** Says that a branch beside this one failed. When the whole execution has ended, nothing more is said. */
  recordAborted(event: RecordedEvent): void {
    const { reason } = this.signal
    if (reason instanceof Cancelled && reason.by === 'sibling')
      this.#previousEventId = this.execution.history.append(event, this.#previousEventId)
  }

  /** Lets time pass until `work` settles. Rejects with Cancelled as soon as the thread has to end. */
  async waiting<Result>(work: Promise<Result>): Promise<Result> {
    this.#letGo()
    try {
      return await unlessAborted(work, this.signal)
    } finally {
      this.#letGo = this.engine.clock.hold()
    }
  }

  async sleep(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.engine.clock.after(delayMs, resolve)
    try {
      await this.waiting(promise)
    } finally {
      cancel()
    }
  }

  /** Waits for I/O, which the clock cannot see by itself. */
  async io<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.waiting(this.engine.clock.holding(work))
  }
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  return promise
}

/**
 * Runs `work` for every index, at most `limit` at once, and gives the results in order. The first failure cancels the others,
 * and is thrown when all of them have ended.
 */
export async function together<Result>(
  thread: Thread,
  count: number,
  limit: number,
  work: (index: number, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const group = new AbortController()
  const passOn = (): void => group.abort(thread.signal.reason)
  thread.signal.addEventListener('abort', passOn, { once: true })
  const results: Result[] = []
  const failures: unknown[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count && !group.signal.aborted) {
      const index = next
      next += 1
      try {
        results[index] = await work(index, group.signal)
      } catch (error) {
        failures.push(error)
        if (!group.signal.aborted) group.abort(new Cancelled('sibling'))
      }
    }
  }
  try {
    await thread.waiting(Promise.all(Array.from({ length: Math.min(limit, count) }, worker)))
  } finally {
    thread.signal.removeEventListener('abort', passOn)
  }
  if (failures.length > 0) throw failures[0]
  return results
}
