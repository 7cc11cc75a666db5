/** A timer of the clock. `at` is its place in the queue, -1 once it is not in it any more. */
export interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly background: boolean
  readonly run: () => void
  at: number
}

/** Whether `a` fires before `b`: by time, and in the order of their making at the same time. */
const isBefore = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

/** Timers by the time they are due: a binary heap, because an account of 10,000 executions has as many of them. */
export class TimerQueue {
  #heap: Timer[] = []
  #foregroundCount = 0

  /** Whether a timer is waiting that is not a background one. */
  get hasForeground(): boolean {
    return this.#foregroundCount > 0
  }

  get next(): Timer | undefined {
    return this.#heap[0]
  }

  add(timer: Timer): void {
    if (!timer.background) this.#foregroundCount += 1
    this.#put(timer, this.#heap.length)
    this.#rise(timer)
  }

  /** Nothing happens for a timer that has fired or was removed. */
  remove(timer: Timer): void {
    const { at } = timer
    if (at < 0) return
    timer.at = -1
    if (!timer.background) this.#foregroundCount -= 1
    const last = this.#heap.pop()
    if (!last || last === timer) return
    this.#put(last, at)
    this.#rise(last)
    this.#sink(last)
  }

  clear(): void {
    for (const timer of this.#heap) timer.at = -1
    this.#heap = []
    this.#foregroundCount = 0
  }

  #put(timer: Timer, at: number): void {
    this.#heap[at] = timer
    timer.at = at
  }

  #rise(timer: Timer): void {
    while (timer.at > 0) {
      const { at } = timer
      const above = this.#heap[(at - 1) >> 1]
      if (!above || !isBefore(timer, above)) return
      this.#put(timer, above.at)
      this.#put(above, at)
    }
  }

  #sink(timer: Timer): void {
    for (;;) {
      const { at } = timer
      const left = this.#heap[2 * at + 1]
      const right = this.#heap[2 * at + 2]
      const below = left && right && isBefore(right, left) ? right : left
      if (!below || !isBefore(below, timer)) return
      this.#put(timer, below.at)
      this.#put(below, at)
    }
  }
}
