import { AwsError } from './service.ts'

const LINE_END = Buffer.from('\r\n')
/** Longest line of a framing: a chunk's size with its signature, or a trailer. */
const MAX_LINE_BYTES = 16 * 1024

/** Reads lines and counted bytes from bytes that arrive in pieces of any size; holds no more than a piece and a line. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>
  #unread: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next line without its end. @throws AwsError `IncompleteBody` */
  async line(): Promise<string> {
    let end = this.#unread.indexOf(LINE_END)
    while (end < 0) {
      if (this.#unread.length > MAX_LINE_BYTES || !(await this.#readOn())) throw incompleteBody()
      end = this.#unread.indexOf(LINE_END)
    }
    const line = this.#unread.toString('latin1', 0, end)
    this.#unread = this.#unread.subarray(end + LINE_END.length)
    return line
  }

  /** The next `count` bytes, in the pieces in which they came. @throws AwsError `IncompleteBody` */
  async *bytes(count: number): AsyncGenerator<Buffer, void> {
    let left = count
    while (left > 0) {
      if (this.#unread.length === 0 && !(await this.#readOn())) throw incompleteBody()
      const piece = this.#unread.subarray(0, left)
      this.#unread = this.#unread.subarray(piece.length)
      left -= piece.length
      if (piece.length > 0) yield piece
    }
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#unread.length === 0) if (!(await this.#readOn())) return true
    return false
  }

  /** Lets the source go before its end. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }

  async #readOn(): Promise<boolean> {
    const { done, value } = await this.#source.next()
    if (done) return false
    const piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    this.#unread = this.#unread.length === 0 ? piece : Buffer.concat([this.#unread, piece])
    return true
  }
}

export const incompleteBody = (): AwsError =>
  new AwsError('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header')
