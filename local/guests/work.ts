/**
 * What a guest is doing, as far as the clock is concerned. A boot or a command is work in flight and holds the clock until its
 * shell has ended; what it leaves in the background does not. When the shell sleeps, the account's time passes instead of ours.
 */
import type { Cancel, Clock } from '../clock.ts'

interface Work {
  release: Cancel
  /** How many programs in its foreground sleep now. */
  asleep: number
}

export class GuestWork {
  readonly #clock: Clock
  /** By the session that the shell leads. */
  readonly #bySession = new Map<number, Work>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Holds the clock until `ended`. */
  async during<Result>(session: number | undefined, ended: Promise<Result>): Promise<Result> {
    const work: Work = { release: this.#clock.hold(), asleep: 0 }
    if (session !== undefined) this.#bySession.set(session, work)
    try {
      return await ended
    } finally {
      if (session !== undefined) this.#bySession.delete(session)
      work.release()
    }
  }

  /**
   * Resolves when so much virtual time has passed. A sleep in the foreground of work is what everybody waits for: it lets the
   * clock go on, and holds it again as it ends. Any other is a deadline in the background, to which no idle account jumps.
   *
   * @param foregroundOf the session whose leader waits for the sleeper
   * @param gone ends the wait early: the sleeper was killed
   */
  sleep(delayMs: number, foregroundOf: number | undefined, gone: AbortSignal): Promise<void> {
    const work = foregroundOf === undefined ? undefined : this.#bySession.get(foregroundOf)
    const { promise, resolve } = Promise.withResolvers<void>()
    let isAwake = false
    const wake = (): void => {
      if (isAwake) return
      isAwake = true
      cancel()
      if (work) this.#wake(work)
      resolve()
    }
    // Nothing ends a sleep without end but the end of the sleeper.
    const cancel = Number.isFinite(delayMs)
      ? this.#clock.after(delayMs, wake, { background: work === undefined })
      : () => {}
    gone.addEventListener('abort', wake)
    if (work) {
      work.asleep += 1
      work.release()
    }
    return promise
  }

  /** Two that sleep side by side, as in a pipe, are waited for by one shell: it is at work again when the last is awake. */
  #wake(work: Work): void {
    work.asleep -= 1
    const isOver = ![...this.#bySession.values()].includes(work)
    if (work.asleep === 0 && !isOver) work.release = this.#clock.hold()
  }
}
