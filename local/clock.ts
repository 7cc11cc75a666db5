/**
 * The virtual clock of the embedded account: every delay of the account (a snapshot completing, a retry's back-off, a
 * schedule) is a timer here, so that hours pass in milliseconds.
 *
 * Three ways to move:
 * - `auto`: while foreground timers are pending and nothing holds the clock, it jumps to the next timer. For tests and the demo.
 * - `scaled`: virtual time runs `factor` times as fast as real time. For people with a terminal (`npm run dev`).
 * - `manual`: only `advance` moves it. For unit tests.
 *
 * The trap of `auto` is work that the clock cannot see: it would jump over it. So whatever is in flight (a request, a
 * Lambda, a guest's command) must hold the clock until it is done, or until it is known to wait for virtual time itself
 * (docs/adr/0014).
 */
import { TimerQueue } from './timers.ts'
import type { Timer } from './timers.ts'

export type Cancel = () => void

export interface TimerOptions {
  /**
   * A background timer (a schedule's next firing, an expiry) never makes an `auto` clock jump: an account with a daily
   * schedule and no work in flight stands still instead of racing through the years. It fires when time passes it.
   */
  readonly background?: boolean
}

export interface Clock {
  /** Milliseconds since the epoch, virtual. */
  now(): number
  /** Runs `run` once when `delayMs` of virtual time have passed. Never runs synchronously. */
  after(delayMs: number, run: () => void, options?: TimerOptions): Cancel
  sleep(delayMs: number): Promise<void>
  /** Keeps an `auto` clock from jumping until the returned function is called (calling it twice is harmless). */
  hold(): Cancel
  holding<T>(work: () => Promise<T>): Promise<T>
  /** Moves time forward by `ms`, running every timer on the way, background ones included, each settled before the next. */
  advance(ms: number): Promise<void>
  /** No timer fires any more. */
  stop(): void
  /** How many times as fast as real time; only of a clock that runs by itself. */
  readonly factor?: number
  /** Changes the speed from now on. */
  setFactor?(factor: number): void
}

/** Lets promise chains and loopback I/O that were already under way take their next steps. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((done) => setImmediate(done))
}

abstract class BaseClock implements Clock {
  abstract now(): number
  abstract after(delayMs: number, run: () => void, options?: TimerOptions): Cancel
  abstract advance(ms: number): Promise<void>
  abstract stop(): void
  abstract hold(): Cancel

  sleep(delayMs: number): Promise<void> {
    return new Promise((done) => this.after(delayMs, done))
  }

  async holding<T>(work: () => Promise<T>): Promise<T> {
    const release = this.hold()
    try {
      return await work()
    } finally {
      release()
    }
  }
}

class JumpingClock extends BaseClock {
  #nowMs: number
  #holds = 0
  #order = 0
  readonly #timers = new TimerQueue()
  #stepping = false
  readonly #auto: boolean

  constructor(startMs: number, auto: boolean) {
    super()
    this.#nowMs = startMs
    this.#auto = auto
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void, options: TimerOptions = {}): Cancel {
    const timer: Timer = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: (this.#order += 1),
      background: options.background ?? false,
      run,
      at: -1,
    }
    this.#timers.add(timer)
    void this.#stepWhileIdle()
    return () => this.#timers.remove(timer)
  }

  hold(): Cancel {
    let held = true
    this.#holds += 1
    return () => {
      if (!held) return
      held = false
      this.#holds -= 1
      void this.#stepWhileIdle()
    }
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      await this.#idle()
      const { next } = this.#timers
      if (!next || next.dueMs > endMs) break
      this.#fireNext()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }

  stop(): void {
    this.#timers.clear()
  }

  #fireNext(): void {
    const { next: timer } = this.#timers
    if (!timer) return
    this.#timers.remove(timer)
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.run()
  }

  /** Waits until nothing holds the clock and what was under way has settled. */
  async #idle(): Promise<void> {
    do {
      await settle()
    } while (this.#holds > 0)
  }

  async #stepWhileIdle(): Promise<void> {
    if (!this.#auto || this.#stepping) return
    this.#stepping = true
    try {
      for (;;) {
        await settle()
        if (this.#holds > 0) return
        if (!this.#timers.hasForeground) return
        this.#fireNext()
      }
    } finally {
      this.#stepping = false
    }
  }
}

interface ScaledTimer {
  readonly dueMs: number
  readonly background: boolean
  readonly run: () => void
  handle?: NodeJS.Timeout
}

class ScaledClock extends BaseClock {
  #factor: number
  /** Virtual time at the last change of speed, or jump. */
  #startMs: number
  #startedAt = performance.now()
  readonly #timers = new Set<ScaledTimer>()

  constructor(startMs: number, factor: number) {
    super()
    this.#startMs = startMs
    this.#factor = factor
  }

  get factor(): number {
    return this.#factor
  }

  now(): number {
    return Math.round(this.#startMs + (performance.now() - this.#startedAt) * this.#factor)
  }

  setFactor(factor: number): void {
    this.#restart(this.now(), factor)
  }

  after(delayMs: number, run: () => void, options: TimerOptions = {}): Cancel {
    const background = options.background ?? false
    const timer: ScaledTimer = { dueMs: this.now() + Math.max(0, delayMs), background, run }
    this.#timers.add(timer)
    this.#arm(timer)
    return () => this.#drop(timer)
  }

  hold(): Cancel {
    return () => {}
  }

  /** Jumps from timer to timer; what is in flight meanwhile took that long. */
  async advance(ms: number): Promise<void> {
    const endMs = this.now() + ms
    for (;;) {
      const due = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)
      const [next] = due
      if (!next) break
      this.#restart(Math.max(this.now(), next.dueMs), this.#factor)
      this.#fire(next)
      await settle()
    }
    this.#restart(Math.max(this.now(), endMs), this.#factor)
  }

  stop(): void {
    for (const timer of this.#timers) this.#drop(timer)
  }

  #restart(nowMs: number, factor: number): void {
    this.#startMs = nowMs
    this.#startedAt = performance.now()
    this.#factor = factor
    for (const timer of this.#timers) this.#arm(timer)
  }

  /** setTimeout takes at most 2^31-1 ms: a longer delay is slept in parts. */
  #arm(timer: ScaledTimer): void {
    clearTimeout(timer.handle)
    const realMs = (timer.dueMs - this.now()) / this.#factor
    const onTime = (): void => (this.now() < timer.dueMs ? this.#arm(timer) : this.#fire(timer))
    timer.handle = setTimeout(onTime, Math.min(Math.max(realMs, 0), 2 ** 31 - 1))
    if (timer.background) timer.handle.unref()
  }

  #fire(timer: ScaledTimer): void {
    this.#drop(timer)
    timer.run()
  }

  #drop(timer: ScaledTimer): void {
    clearTimeout(timer.handle)
    this.#timers.delete(timer)
  }
}

export const autoClock = (startMs: number): Clock => new JumpingClock(startMs, true)
export const manualClock = (startMs: number): Clock => new JumpingClock(startMs, false)
export const scaledClock = (startMs: number, factor: number): Clock => new ScaledClock(startMs, factor)

/** The wall clock, for the one place that starts the account "now". */
export const wallClockMs = (): number => Date.now()
