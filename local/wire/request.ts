import type { IncomingMessage } from 'node:http'

import { incompleteBody } from './byte-reader.ts'
import type { WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'

const MEBIBYTE_BYTES = 1024 * 1024

/** Of a body that is read whole before its operation runs. */
const MAX_BODY_BYTES = 16 * MEBIBYTE_BYTES
const NO_QUERY = new URLSearchParams()

/** Of a request that no service is known to read. */
const TOO_LARGE = new AwsError('RequestEntityTooLargeException', `The request exceeds ${MAX_BODY_BYTES} bytes.`, {
  status: 413,
})

/** A request without its body: enough to see who asks which service. */
export type RequestHead = Omit<WireRequest, 'body' | 'stream'>

export function readHead(message: IncomingMessage, requestId: string): RequestHead {
  const target = message.url ?? '/'
  const queryStart = target.indexOf('?')
  return {
    requestId,
    method: message.method ?? 'GET',
    target,
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: queryStart < 0 ? NO_QUERY : new URLSearchParams(target.slice(queryStart + 1)),
    // Node.js makes a list of no header but this one, which clients don't send.
    headers: message.headers as Omit<typeof message.headers, 'set-cookie'> as Record<string, string>,
  }
}

/** The body of a request, which is read once: whole, or while it arrives. */
export interface IncomingBody {
  /**
   * One that is announced to be too large is refused before any of it is asked for; one that turns out to be so is thrown away
   * from there on.
   * @param tooLarge how it is refused
   * @throws AwsError `tooLarge`, `IncompleteBody`
   */
  whole(tooLarge?: AwsError): Promise<Uint8Array>
  /** May be left before its end. Fails with `IncompleteBody` when the sender goes away. */
  arriving(): AsyncIterable<Uint8Array>
}

/** @param onWanted called before the first byte is asked for */
export function bodyOf(message: IncomingMessage, onWanted: () => void): IncomingBody {
  async function* arriving(): AsyncGenerator<Uint8Array, void> {
    onWanted()
    try {
      yield* message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
    } catch {
      throw incompleteBody()
    }
  }
  return {
    arriving,
    // Listeners, since an iterator costs more than all else that is done for a small request.
    whole: (tooLarge = TOO_LARGE) =>
      new Promise((resolve, reject) => {
        // What is thrown here rejects.
        refuseAnnounced(message.headers, tooLarge)
        onWanted()
        const collected = new Collected()
        message.on('data', (chunk: Uint8Array) => collected.add(chunk))
        message.once('end', () => {
          if (collected.isTooLarge) reject(tooLarge)
          else resolve(collected.bytes())
        })
        const breakOff = (): void => reject(incompleteBody())
        message.once('error', breakOff)
        message.once('aborted', breakOff)
      }),
  }
}

/** @throws AwsError `tooLarge` when a body is announced to be more than is read whole */
export function refuseAnnounced(headers: { readonly 'content-length'?: string }, tooLarge: AwsError): void {
  if (Number(headers['content-length']) > MAX_BODY_BYTES) throw tooLarge
}

/** Reads bytes to their end. @throws AwsError `tooLarge`; whatever the source throws */
export async function readWhole(bytes: AsyncIterable<Uint8Array>, tooLarge = TOO_LARGE): Promise<Uint8Array> {
  const collected = new Collected()
  for await (const chunk of bytes) collected.add(chunk)
  if (collected.isTooLarge) throw tooLarge
  return collected.bytes()
}

/**
 * A body that comes in pieces. One that is too large is read and thrown away, since a client that is still sending would see
 * a broken connection instead of the refusal.
 */
class Collected {
  readonly #chunks: Uint8Array[] = []
  #sizeBytes = 0

  get isTooLarge(): boolean {
    return this.#sizeBytes > MAX_BODY_BYTES
  }

  add(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length
    if (this.isTooLarge) this.#chunks.length = 0
    else this.#chunks.push(chunk)
  }

  bytes(): Uint8Array {
    const [first] = this.#chunks
    return this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks)
  }
}
