import { availableParallelism } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Invocation } from './protocol.ts'
import type { Outcome, Sandbox, SandboxSettings } from './sandbox.ts'

/**
 * With the product's bundles (1.4 MB) a sandbox takes 42 MB, or 66 MB until Node's compile cache knows the bundle: six stay
 * below 400 MB, and two cores are busy long before. A cold start takes 140 ms, or 220 ms the first time.
 */
export const DEFAULT_SANDBOX_LIMIT = 6

/**
 * Lambda ends environments "every few hours", also of functions that are always busy. Here after four, in virtual time, which is
 * before their credentials expire.
 */
const LIFETIME_MS = 4 * 3_600_000

/**
 * Sandboxes of one function that work at a time. Those of a fleet's function all have work in the same instant: more of them than
 * processors would not be done sooner, and each would have to start.
 */
const AT_WORK_LIMIT = Math.max(2, availableParallelism())

interface Waiting {
  readonly functionArn: string
  /** With a warm sandbox of the function, or without one: then there is a place for a new one. */
  readonly go: (warm: Sandbox | undefined) => void
}

/**
 * The sandboxes of all functions, at most `limit` at a time, running ones included. An invocation takes a warm sandbox of its
 * function, else, while few of the function are at work, a new one in the place of the sandbox that was idle longest, else it
 * waits for the next that gets free.
 * AWS would run them all at once: waiting costs real time only, because an invocation holds the virtual clock from its start.
 * An invocation that waits for virtual time gives its place to others until it goes on: else all places could wait for time
 * that those without a place hold. So there may be more workers than places, most of them asleep.
 */
export class Sandboxes {
  readonly #limit: number
  readonly #clock: Pick<Clock, 'now'>
  /** Idle longest first. */
  #idle: Sandbox[] = []
  readonly #running = new Set<Sandbox>()
  readonly #startedMs = new WeakMap<Sandbox, number>()
  /** Sandboxes of each function that start or run, but those that wait for virtual time. */
  readonly #atWork = new Map<string, number>()
  /** Places taken: running, idle, starting, and ending (those still hold their memory). More than the limit after a wait. */
  #places = 0
  #waiting: Waiting[] = []

  constructor(limit: number, clock: Pick<Clock, 'now'>) {
    this.#limit = limit
    this.#clock = clock
  }

  /**
   * Runs one invocation in a sandbox of its function; `settings` is asked for only when a new one has to start. `onStart` is
   * called when the sandbox holds the clock.
   */
  async run(
    functionArn: string,
    settings: () => SandboxSettings,
    invocation: () => Invocation,
    onStart: () => void,
  ): Promise<Outcome> {
    this.#endAged()
    const sandbox = (await this.#take(functionArn)) ?? (await this.#start(settings()))
    this.#running.add(sandbox)
    try {
      const ended = sandbox.run(invocation(), {
        onPause: () => {
          this.#work(functionArn, -1)
          this.#leave()
        },
        onResume: () => {
          this.#work(functionArn, 1)
          this.#places += 1
        },
      })
      onStart()
      return await ended
    } finally {
      this.#running.delete(sandbox)
      this.#release(sandbox)
    }
  }

  /** Ends the idle sandboxes of a function whose code or configuration has changed. */
  forget(functionArn: string): void {
    this.#endIdle((sandbox) => sandbox.functionArn === functionArn)
  }

  async close(): Promise<void> {
    const all = [...this.#idle, ...this.#running]
    this.#idle = []
    await Promise.all(all.map((sandbox) => sandbox.end()))
  }

  async #start(settings: SandboxSettings): Promise<Sandbox> {
    const nowMs = this.#clock.now()
    // Loaded with the first invocation: what takes the types off a sandbox's first module costs 14 MB.
    const { Sandbox } = await import('./sandbox.ts')
    const sandbox = new Sandbox(settings)
    this.#startedMs.set(sandbox, nowMs)
    return sandbox
  }

  #endAged(): void {
    const nowMs = this.#clock.now()
    this.#endIdle((sandbox) => nowMs - (this.#startedMs.get(sandbox) ?? 0) >= LIFETIME_MS)
  }

  #endIdle(isOver: (sandbox: Sandbox) => boolean): void {
    const over = this.#idle.filter(isOver)
    this.#idle = this.#idle.filter((sandbox) => !over.includes(sandbox))
    for (const sandbox of over) void this.#vacate(sandbox)
  }

  #take(functionArn: string): Promise<Sandbox | undefined> {
    const warmAt = this.#idle.findLastIndex((sandbox) => sandbox.functionArn === functionArn && !sandbox.spent)
    const [warm] = warmAt < 0 ? [] : this.#idle.splice(warmAt, 1)
    if (warm) {
      this.#work(functionArn, 1)
      return Promise.resolve(warm)
    }
    return new Promise((go) => {
      this.#waiting.push({ functionArn, go })
      this.#admit()
    })
  }

  #release(sandbox: Sandbox): void {
    const { functionArn } = sandbox
    const next = sandbox.spent ? undefined : this.#waiting.find((waiting) => waiting.functionArn === functionArn)
    if (next) return this.#call(next, sandbox)
    this.#work(functionArn, -1)
    if (sandbox.spent || this.#places > this.#limit) return void this.#vacate(sandbox)
    this.#idle.push(sandbox)
    this.#admit()
  }

  async #vacate(sandbox: Sandbox): Promise<void> {
    await sandbox.end()
    this.#leave()
  }

  /** A place gets free. */
  #leave(): void {
    this.#places -= 1
    this.#admit()
  }

  /** Lets new sandboxes start for those who have waited longest, as long as there are places, or idle sandboxes to take theirs. */
  #admit(): void {
    for (;;) {
      const next = this.#waiting.find(({ functionArn }) => (this.#atWork.get(functionArn) ?? 0) < AT_WORK_LIMIT)
      const isPlace = this.#places < this.#limit
      if (!next || (!isPlace && this.#idle.length === 0)) return
      this.#work(next.functionArn, 1)
      if (isPlace) this.#places += 1
      const replaced = isPlace ? undefined : this.#idle.shift()
      this.#call(next, undefined, replaced?.end())
    }
  }

  #call(waiting: Waiting, warm: Sandbox | undefined, first?: Promise<void>): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting)
    if (first) void first.then(() => waiting.go(warm))
    else waiting.go(warm)
  }

  #work(functionArn: string, change: 1 | -1): void {
    this.#atWork.set(functionArn, (this.#atWork.get(functionArn) ?? 0) + change)
  }
}
