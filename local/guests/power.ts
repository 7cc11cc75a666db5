/** What a guest asks about its own power: `shutdown` in the guest becomes a timer here. */
import type { Cancel, Clock } from '../clock.ts'

export type PowerAction = 'poweroff' | 'reboot'

const MINUTE_MS = 60_000

export class Power {
  readonly #clock: Clock
  readonly #act: (action: PowerAction) => void
  #cancelTimer: Cancel | undefined

  constructor(clock: Clock, act: (action: PowerAction) => void) {
    this.#clock = clock
    this.#act = act
  }

  /** Acts when so many minutes of the account's time have passed. A later request replaces an earlier one, `cancel` removes it. */
  request(action: string | undefined, minutes: number): void {
    this.cancel()
    if ((action !== 'poweroff' && action !== 'reboot') || !(minutes >= 0)) return
    // A deadline in the future is no work in flight: it must not make an idle account jump to it.
    this.#cancelTimer = this.#clock.after(minutes * MINUTE_MS, () => this.#act(action), { background: minutes > 0 })
  }

  cancel(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}
