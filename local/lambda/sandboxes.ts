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

interface Waiting {
  readonly functionArn: string
  /** With a warm sandbox of the function, or without one: then there is room for a new one. */
  readonly go: (warm: Sandbox | undefined) => void
}

/**
 * The sandboxes of all functions, at most `limit` at a time, running ones included. An invocation takes a warm sandbox of its
 * function, else a new one in the place of the sandbox that was idle longest, else it waits for the next that gets free.
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
      const ended = sandbox.run(invocation(), { onPause: () => this.#leave(), onResume: () => (this.#places += 1) })
      onStart()
      return await ended
    } finally {
      this.#running.delete(sandbox)
      void this.#release(sandbox)
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

  async #take(functionArn: string): Promise<Sandbox | undefined> {
    const warmAt = this.#idle.findLastIndex((sandbox) => sandbox.functionArn === functionArn && !sandbox.spent)
    if (warmAt >= 0) return this.#idle.splice(warmAt, 1)[0]
    if (this.#places < this.#limit) {
      this.#places += 1
      return undefined
    }
    const oldest = this.#idle.shift()
    if (oldest) {
      await oldest.end()
      return undefined
    }
    return new Promise((go) => this.#waiting.push({ functionArn, go }))
  }

  async #release(sandbox: Sandbox): Promise<void> {
    if (sandbox.spent || this.#places > this.#limit) return this.#vacate(sandbox)
    const next = this.#waiting.find((waiting) => waiting.functionArn === sandbox.functionArn)
    if (next) {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== next)
      next.go(sandbox)
    } else if (this.#waiting.length > 0) await this.#vacate(sandbox)
    else this.#idle.push(sandbox)
  }

  /** Ends a sandbox and hands its place to whoever has waited longest. */
  async #vacate(sandbox: Sandbox): Promise<void> {
    await sandbox.end()
    this.#leave()
  }

  /** A place gets free. */
  #leave(): void {
    const next = this.#places > this.#limit ? undefined : this.#waiting.shift()
    if (next) next.go(undefined)
    else this.#places -= 1
  }
}
