import type { Interposer, StoreCall } from './interposed-store.ts'

interface Waiting {
  readonly actor: string
  readonly call: StoreCall
  readonly go: () => void
}

/** Lets actors call their stores one at a time, in an order that is drawn: an interleaving that a seed gives again. */
export class Turns {
  readonly #draw: (limit: number) => number
  /** So many turns are for expiries, if one waits, for one that may be a copy's: whole expiries pass while a copy is made. */
  readonly #expiriesPerCopy: number
  readonly #onTurn: (pending: readonly Waiting[]) => void
  #waiting: Waiting[] = []
  #running = 0
  #isPicking = false

  /** @param draw below `limit` @param onTurn sees what could come next, before it is drawn */
  constructor(draw: (limit: number) => number, onTurn: (pending: readonly Waiting[]) => void) {
    this.#draw = draw
    this.#expiriesPerCopy = 1 + draw(20)
    this.#onTurn = onTurn
  }

  /** Runs an actor, whose store waits for its turns. */
  async act<T>(actor: string, work: (interposer: Interposer) => Promise<T>): Promise<T> {
    this.#running += 1
    try {
      return await work({ before: (call) => this.#turn(actor, call) })
    } finally {
      this.#running -= 1
      this.#pickSoon()
    }
  }

  #choose(): number {
    const expiries = this.#waiting.flatMap(({ actor }, index) => (actor.startsWith('expiry') ? [index] : []))
    const among = expiries.length > 0 && this.#draw(this.#expiriesPerCopy) > 0 ? expiries : [...this.#waiting.keys()]
    return among[this.#draw(among.length)] ?? 0
  }

  #turn(actor: string, call: StoreCall): Promise<void> {
    this.#running -= 1
    return new Promise((go) => {
      this.#waiting.push({ actor, call, go })
      this.#pickSoon()
    })
  }

  #pickSoon(): void {
    if (this.#isPicking || this.#running > 0 || this.#waiting.length === 0) return
    this.#isPicking = true
    setImmediate(() => {
      this.#isPicking = false
      this.#onTurn(this.#waiting)
      const [next] = this.#waiting.splice(this.#choose(), 1)
      this.#running += 1
      next?.go()
      // An actor that waits for several calls at once counts for less than one.
      this.#pickSoon()
    })
  }
}
