/**
 * What the parent lets its worker know of time, in memory that both see: an answer that arrives finds the time already
 * passed, whichever of answer and message is read first.
 */
export class WorkerTime {
  readonly buffer: SharedArrayBuffer
  readonly #cells: Float64Array

  constructor(buffer = new SharedArrayBuffer(16)) {
    this.buffer = buffer
    this.#cells = new Float64Array(buffer)
  }

  /** Milliseconds of virtual time that have passed while the worker waited, or rested between invocations. */
  get waitedMs(): number {
    return this.#cells[0] ?? 0
  }

  set waitedMs(ms: number) {
    this.#cells[0] = ms
  }

  /** Whether the worker's hold of the clock is paused. */
  get isPaused(): boolean {
    return this.#cells[1] === 1
  }

  set isPaused(isPaused: boolean) {
    this.#cells[1] = isPaused ? 1 : 0
  }
}
