import type { Cancel, Clock } from '../clock.ts'
import type { Connections, Watcher } from '../wire/connections.ts'
import type { IdleReport } from './protocol.ts'
import type { WorkerTime } from './worker-time.ts'

/** Real time between two looks at a worker that seems idle while something is still on its way: at first, and at most. */
const FIRST_LOOK_AGAIN_MS = 1
const LONGEST_LOOK_AGAIN_MS = 64
/** Real time that a new worker may take to load its bundle, at least: that of Lambda's init phase. */
const INIT_MS = 10_000

export interface InvocationHoldOptions {
  readonly clock: Clock
  readonly connections: Connections
  /** The worker's ends of its connections to the account. */
  readonly ports: ReadonlySet<number>
  readonly time: WorkerTime
  /** Virtual time that the function may wait in all. */
  readonly timeoutMs: number
  /** Real time that it may run without waiting, and wait without any virtual time passing. */
  readonly patienceMs: number
  /** Asks the worker to say when it is idle; `calls` as in the message. Returns the turn that its report will have. */
  readonly look: (calls: boolean) => number
  readonly onTimeout: () => void
  readonly onPatienceLost: () => void
  /** It waits, and the clock stands: somebody holds it, who may be waiting for this very invocation. */
  readonly onStandstill: () => void
  /** What the hold is paused for, and goes on: the worker needs no processor meanwhile. */
  readonly onPause: () => void
  readonly onResume: () => void
}

/**
 * One invocation's hold of the clock. It is paused while the worker can do nothing but wait for virtual time: it has said that
 * its event loop is empty but for timers and calls, and the wire server agrees that nothing is on its way between them.
 * Whatever ends the wait (a timer, an answer) takes the hold again before the worker hears of it.
 */
export class InvocationHold implements Watcher {
  readonly #options: InvocationHoldOptions
  #release: Cancel
  #turn: number
  #leftMs: number
  #pause: { readonly sinceMs: number; readonly cancel: Cancel } | undefined
  #patience: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  #again: NodeJS.Timeout | undefined
  #againMs = FIRST_LOOK_AGAIN_MS
  #hasEnded = false

  constructor(options: InvocationHoldOptions, { turn, isCold }: { readonly turn: number; readonly isCold: boolean }) {
    this.#options = options
    this.#turn = turn
    this.#leftMs = options.timeoutMs
    this.#release = options.clock.hold()
    this.#startPatience(isCold ? Math.max(INIT_MS, options.patienceMs) : options.patienceMs)
  }

  /** The worker has loaded its bundle. */
  loaded(): void {
    if (!this.#pause && !this.#hasEnded) this.#startPatience()
  }

  /** The worker's event loop is empty. */
  idle({ turn, connections, nextInMs }: IdleReport): void {
    if (turn !== this.#turn || this.#pause || this.#hasEnded) return
    if (connections.every((end) => this.#options.connections.isQuiet(end))) this.#letGo(nextInMs)
    else this.#lookAgain()
  }

  /** A call of the worker waits. Most go on at once, after some I/O: those are not worth a look. */
  waits = (): void => {
    if (this.#hasEnded || this.#pause) return
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined
      if (!this.#pause && this.#waitsForCalls()) this.#look()
    })
  }

  goesOn = (): void => this.#goOn()

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#stopLooking()
    if (this.#pause) this.#resume()
    clearTimeout(this.#patience)
    this.#release()
  }

  #waitsForCalls(): boolean {
    const { connections, ports } = this.#options
    return [...ports].some((port) => connections.isWaiting(port))
  }

  #look(): void {
    this.#stopLooking()
    this.#turn = this.#options.look(this.#waitsForCalls())
  }

  #lookAgain(): void {
    this.#stopLooking()
    this.#again = setTimeout(() => this.#look(), this.#againMs)
    this.#againMs = Math.min(2 * this.#againMs, LONGEST_LOOK_AGAIN_MS)
  }

  #stopLooking(): void {
    clearImmediate(this.#soon)
    clearTimeout(this.#again)
    this.#soon = undefined
  }

  #letGo(nextInMs: number | undefined): void {
    const { clock, time, onPause } = this.#options
    this.#stopLooking()
    this.#againMs = FIRST_LOOK_AGAIN_MS
    this.#watchStandstill()
    const waitMs = Math.min(nextInMs ?? Infinity, this.#leftMs)
    this.#pause = { sinceMs: clock.now(), cancel: clock.after(waitMs, () => this.#goOn()) }
    time.isPaused = true
    this.#release()
    onPause()
  }

  #goOn(): void {
    if (!this.#pause) return
    this.#resume()
    if (this.#leftMs <= 0) this.#options.onTimeout()
    else this.#look()
  }

  #resume(): void {
    if (!this.#pause) return
    const { clock, time, onResume } = this.#options
    const { sinceMs, cancel } = this.#pause
    this.#pause = undefined
    this.#release = clock.hold()
    cancel()
    const waitedMs = clock.now() - sinceMs
    this.#leftMs -= waitedMs
    time.waitedMs += waitedMs
    time.isPaused = false
    this.#startPatience()
    onResume()
  }

  #startPatience(patienceMs = this.#options.patienceMs): void {
    clearTimeout(this.#patience)
    this.#patience = setTimeout(this.#options.onPatienceLost, patienceMs)
  }

  #watchStandstill(): void {
    const { clock, patienceMs, onStandstill } = this.#options
    const sinceMs = clock.now()
    clearTimeout(this.#patience)
    this.#patience = setTimeout(() => {
      if (clock.now() === sinceMs) onStandstill()
      this.#watchStandstill()
    }, patienceMs)
  }
}
