/**
 * The timers of a function's worker thread, in virtual time. They take the place of Node's own in the globals, in
 * `node:timers` and in `node:timers/promises`; Node's internal timers (a socket's idle timeout) stay real.
 */
import { AsyncResource } from 'node:async_hooks'
import module from 'node:module'
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import { promisify } from 'node:util'

type Callback = (...args: unknown[]) => void

/** Node's longest and shortest delay; what is not between them is 1 ms. */
const LONGEST_MS = 2 ** 31 - 1
/**
 * A worker that is at work, or waits for something that the account cannot see, keeps virtual time standing. Its timers
 * fire by real time then, this much late, so that they never race with virtual time.
 */
const GRACE_MS = 1000

const real = { setInterval, clearTimeout, setImmediate }
const realNowMs = performance.now.bind(performance)

const delayOf = (ms: unknown): number => {
  const delayMs = Math.trunc(Number(ms))
  return delayMs >= 1 && delayMs <= LONGEST_MS ? delayMs : 1
}

export interface TimerClock {
  /** Virtual time of the worker, in milliseconds from any start. */
  readonly nowMs: () => number
  /** Whether virtual time is known to stand still for this worker's sake, so that real time counts. */
  readonly isRunning: () => boolean
}

/** What `setTimeout` returns: the methods of Node's Timeout. */
class VirtualTimeout extends AsyncResource {
  readonly id: number
  readonly delayMs: number
  readonly repeats: boolean
  dueMs = 0
  realDueMs = 0
  readonly #timers: WorkerTimers
  readonly #run: () => void
  #hasRef = true

  constructor(owner: WorkerTimers, id: number, delayMs: number, repeats: boolean, run: () => void) {
    super('Timeout')
    this.#timers = owner
    this.id = id
    this.delayMs = delayMs
    this.repeats = repeats
    this.#run = run
  }

  fire(): void {
    this.runInAsyncScope(this.#run)
  }

  refresh(): this {
    this.#timers.start(this)
    return this
  }

  close(): this {
    this.#timers.clear(this)
    return this
  }

  ref(): this {
    this.#hasRef = true
    return this
  }

  unref(): this {
    this.#hasRef = false
    return this
  }

  hasRef(): boolean {
    return this.#hasRef
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

export class WorkerTimers {
  readonly #clock: TimerClock
  /** In the order in which they were started. */
  readonly #pending = new Map<number, VirtualTimeout>()
  #count = 0
  #isFiring = false
  #looksAtRealTime = false

  constructor(clock: TimerClock) {
    this.#clock = clock
  }

  /** Virtual time until the next timer is due; undefined: there is none. */
  get nextInMs(): number | undefined {
    const next = this.#next((timer) => timer.dueMs)
    return next && Math.max(0, next.dueMs - this.#clock.nowMs())
  }

  set(callback: Callback, ms: unknown, args: readonly unknown[], repeats = false): VirtualTimeout {
    if (typeof callback !== 'function') throw invalidCallback(callback)
    this.#count += 1
    const timer = new VirtualTimeout(this, this.#count, delayOf(ms), repeats, () => callback(...args))
    this.start(timer)
    return timer
  }

  start(timer: VirtualTimeout): void {
    timer.dueMs = this.#clock.nowMs() + timer.delayMs
    timer.realDueMs = realNowMs() + timer.delayMs + GRACE_MS
    this.#pending.delete(timer.id)
    this.#pending.set(timer.id, timer)
    if (this.#looksAtRealTime) return
    this.#looksAtRealTime = true
    real
      .setInterval(() => this.#clock.isRunning() && this.#fireAll((one) => one.realDueMs, realNowMs), GRACE_MS)
      .unref()
  }

  clear(timer: unknown): void {
    if (timer instanceof VirtualTimeout) this.#pending.delete(timer.id)
    else if (typeof timer === 'number' || typeof timer === 'string') this.#pending.delete(Number(timer))
    else if (timer) real.clearTimeout(timer as NodeJS.Timeout)
  }

  /** Fires what is due by virtual time, each in a turn of its own. */
  fireDue(): void {
    this.#fireAll((timer) => timer.dueMs, this.#clock.nowMs)
  }

  #next(dueOf: (timer: VirtualTimeout) => number): VirtualTimeout | undefined {
    let next: VirtualTimeout | undefined
    for (const timer of this.#pending.values()) if (!next || dueOf(timer) < dueOf(next)) next = timer
    return next
  }

  #fireAll(dueOf: (timer: VirtualTimeout) => number, nowMs: () => number): void {
    if (this.#isFiring) return
    const untilMs = nowMs()
    const next = this.#next(dueOf)
    if (!next || dueOf(next) > untilMs) return
    this.#isFiring = true
    // An immediate keeps the loop from looking empty, and lets promises settle between two timers.
    real.setImmediate(() => {
      this.#isFiring = false
      const due = this.#next(dueOf)
      if (!due || dueOf(due) > untilMs) return
      this.#pending.delete(due.id)
      if (due.repeats) this.start(due)
      try {
        due.fire()
      } finally {
        this.#fireAll(dueOf, nowMs)
      }
    })
  }

  /** Puts these timers in the place of Node's. */
  install(): void {
    const set: Callback & { [promisify.custom]?: unknown } = (callback, ms, ...args) =>
      this.set(callback as Callback, ms, args)
    const repeat: Callback = (callback, ms, ...args) => this.set(callback as Callback, ms, args, true)
    const clear = (timer: unknown): void => this.clear(timer)
    const sleep = (ms?: unknown, value?: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<unknown> =>
      this.#sleep(ms, value, options.signal)
    Object.defineProperty(set, promisify.custom, { enumerable: true, get: () => sleep })
    const replaced = { setTimeout: set, setInterval: repeat, clearTimeout: clear, clearInterval: clear }
    Object.assign(globalThis, replaced)
    Object.assign(timers, replaced)
    Object.assign(timersPromises, {
      setTimeout: sleep,
      async *setInterval(ms?: unknown, value?: unknown, options?: { readonly signal?: AbortSignal }) {
        for (;;) yield await sleep(ms, value, options)
      },
      scheduler: { ...timersPromises.scheduler, wait: sleep, yield: () => timersPromises.setImmediate() },
    })
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController()
      const expire = (): void =>
        controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
      this.set(expire, ms, []).unref()
      return controller.signal
    }
    module.syncBuiltinESMExports()
  }

  #sleep(ms: unknown, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((done, fail) => {
      const abort = (): void => {
        timer.close()
        const error = new Error('The operation was aborted', { cause: signal?.reason })
        fail(Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' }))
      }
      const finish = (): void => {
        signal?.removeEventListener('abort', abort)
        done(value)
      }
      const timer = this.set(finish, ms, [])
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }
}

const invalidCallback = (given: unknown): TypeError =>
  Object.assign(new TypeError(`The "callback" argument must be of type function. Received ${String(given)}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
