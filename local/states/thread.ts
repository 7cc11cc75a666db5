import type { Cancel } from '../clock.ts'
import type { Engine } from './engine.ts'
import { Cancelled } from './failure.ts'
import type { History, RecordedEvent } from './history.ts'
import type { MapItem, Position } from './position.ts'

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

interface ThreadOptions {
  readonly engine: Engine
  readonly execution: ExecutionView
  readonly position: Position
  readonly signal: AbortSignal
  readonly outer?: Thread
}

/**
 * One line of states that follow each other, from its position to its end: the execution itself, a branch of a Parallel, or an
 * item of an inline Map. It holds the clock while it computes and lets go while it waits.
 */
export class Thread {
  readonly engine: Engine
  readonly execution: ExecutionView
  readonly position: Position
  readonly signal: AbortSignal
  readonly #outer: Thread | undefined
  #letGo: Cancel = () => {}

  constructor({ engine, execution, position, signal, outer }: ThreadOptions) {
    this.engine = engine
    this.execution = execution
    this.position = position
    this.signal = signal
    this.#outer = outer
  }

  /** An inner line (a branch, an item of an inline Map) reads the outer ones and writes only its own. */
  get variables(): Readonly<Record<string, unknown>> {
    return { ...this.#outer?.variables, ...this.position.variables }
  }

  get item(): MapItem | undefined {
    return this.position.item ?? this.#outer?.item
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#letGo = this.engine.clock.hold()
    try {
      return await work()
    } finally {
      this.#letGo()
    }
  }

  /** A thread within this one. */
  fork(position: Position, signal: AbortSignal): Thread {
    const { engine, execution } = this
    return new Thread({ engine, execution, position, signal, outer: this })
  }

  /** Adds to the history; throws Cancelled once the thread has to end. Returns the event's id. */
  record(event: RecordedEvent): number {
    this.signal.throwIfAborted()
    return this.#append(event)
  }

  /** Says that a branch beside this one failed. When the whole execution has ended, nothing more is said. */
  recordAborted(event: RecordedEvent): void {
    const { reason } = this.signal
    if (reason instanceof Cancelled && reason.by === 'sibling') this.#append(event)
  }

  #append(event: RecordedEvent): number {
    this.position.previousEventId = this.execution.history.append(event, this.position.previousEventId)
    return this.position.previousEventId
  }

  /** Lets time pass until `work` settles. Rejects with Cancelled as soon as the thread has to end. */
  async waiting<Result>(work: Promise<Result>): Promise<Result> {
    this.#letGo()
    try {
      return await unlessAborted(work, this.signal)
    } finally {
      if (this.engine.isHalted()) await new Promise(() => {})
      this.#letGo = this.engine.clock.hold()
    }
  }

  async sleepUntil(atMs: number): Promise<void> {
    const { clock } = this.engine
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(atMs - clock.now(), resolve)
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
 * Runs a thread for each position that has not come to its end, at most `limit` at once, and gives the outputs of all in
 * order. The first failure cancels the others, and is thrown when all of them have ended.
 */
export async function together(
  thread: Thread,
  positions: readonly Position[],
  limit: number,
  work: (fork: Thread, index: number) => Promise<unknown>,
): Promise<unknown[]> {
  const group = new AbortController()
  const passOn = (): void => group.abort(thread.signal.reason)
  thread.signal.addEventListener('abort', passOn, { once: true })
  const failures: unknown[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < positions.length && !group.signal.aborted) {
      const index = next
      next += 1
      const position = positions[index]
      if (!position || position.end) continue
      const fork = thread.fork(position, group.signal)
      try {
        await fork.run(() => work(fork, index))
      } catch (error) {
        failures.push(error)
        if (!group.signal.aborted) group.abort(new Cancelled('sibling'))
      }
    }
  }
  try {
    await thread.waiting(Promise.all(Array.from({ length: Math.min(limit, positions.length) }, worker)))
  } finally {
    thread.signal.removeEventListener('abort', passOn)
  }
  if (failures.length > 0) throw failures[0]
  return positions.map(({ end }) => end?.output)
}
