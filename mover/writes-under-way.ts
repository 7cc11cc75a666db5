/** Writes that go on while the next blocks come, at most so many at a time. The first failure is told to whoever comes next. */
export class WritesUnderWay {
  readonly #most: number
  readonly #writing = new Set<Promise<void>>()
  #failure: unknown

  constructor(most: number) {
    this.#most = most
  }

  /** Resolves when there is room for one more. @throws the failure of an earlier one */
  async room(): Promise<void> {
    while (this.#writing.size >= this.#most) await Promise.race(this.#writing)
    if (this.#failure !== undefined) throw this.#failure
  }

  start(write: () => Promise<void>): void {
    const writing = write()
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  /** Resolves when all have ended, well or not. */
  async ended(): Promise<void> {
    await Promise.all(this.#writing)
  }

  /** Resolves when all are written. @throws the first failure */
  async flush(): Promise<void> {
    await this.ended()
    if (this.#failure !== undefined) throw this.#failure
  }
}
