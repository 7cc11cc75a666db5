/** A piece of text is made into bytes as soon as it is this long: V8 joins short texts in the cache of the processor. */
const PIECE_LENGTH = 4096
/** Large enough to be few, small enough that the allocator hands out memory that it has, not fresh pages. */
const CHUNK_BYTES = 64 * 1024
const UTF8_BYTES_MAX = 3

/**
 * Takes a long text bit by bit and gives its bytes (UTF-8). Half a megabyte in one string, and then in one buffer, takes four
 * times as long: most of it goes into joining the bits, and into pages that the kernel has to fill.
 */
export class TextBytes {
  #text = ''
  #chunk: Buffer | undefined
  #used = 0
  readonly #whole: Buffer[] = []

  add(text: string): void {
    this.#text += text
    if (this.#text.length >= PIECE_LENGTH) this.#flush()
  }

  /** All of it. Nothing can be added afterwards. */
  end(): readonly Buffer[] {
    if (!this.#chunk) return [Buffer.from(this.#text)]
    this.#flush()
    return [...this.#whole, this.#chunk.subarray(0, this.#used)]
  }

  #flush(): void {
    const text = this.#text
    this.#text = ''
    const most = text.length * UTF8_BYTES_MAX
    if (!this.#chunk || this.#used + most > this.#chunk.length) {
      if (this.#chunk) this.#whole.push(this.#chunk.subarray(0, this.#used))
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, most))
      this.#used = 0
    }
    this.#used += this.#chunk.write(text, this.#used)
  }
}
