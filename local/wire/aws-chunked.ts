import { createHash, hash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

import { ByteReader, incompleteBody } from './byte-reader.ts'
import { AwsError } from './service.ts'
import { scopeOf, signingKey, signString } from './signature.ts'
import type { Signature } from './signature.ts'

const EMPTY_SHA256 = hash('sha256', '')

/** Only the last chunk may be smaller ("Signature Calculations: Transferring Payload in Multiple Chunks"). */
const MIN_CHUNK_BYTES = 8192

export interface ChunkedPayload {
  /** The signature of the head, which the chunks' signatures begin with; undefined when chunks are unsigned. */
  readonly signed?: { readonly signature: Signature; readonly secretAccessKey: string }
  /** Filled with the trailers, names in lower case, when the last chunk has come. */
  readonly trailers: Map<string, string>
}

/**
 * Takes the `aws-chunked` framing off a body while it arrives: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, a chunk of
 * size 0, then trailers (checksums that the sender knew only at the end).
 * @throws AwsError `IncompleteBody`, `InvalidChunkSizeError`, `MalformedTrailerError`, `SignatureDoesNotMatch`
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  payload: ChunkedPayload,
): AsyncGenerator<Uint8Array, void> {
  const reader = new ByteReader(source)
  const seal = payload.signed && new ChunkSeal(payload.signed)
  try {
    let index = 0
    let previousBytes = MIN_CHUNK_BYTES
    for (;;) {
      const { sizeBytes, signature } = readChunkHead(await reader.line())
      index += 1
      if (sizeBytes > 0 && previousBytes < MIN_CHUNK_BYTES) throw chunkTooSmall(index - 1, previousBytes)
      const digest = createHash('sha256')
      for await (const piece of reader.bytes(sizeBytes)) {
        if (seal) digest.update(piece)
        yield piece
      }
      seal?.check('PAYLOAD', `${EMPTY_SHA256}\n${digest.digest('hex')}`, signature)
      if (sizeBytes === 0) break
      if ((await reader.line()) !== '') throw incompleteBody()
      previousBytes = sizeBytes
    }
    await readTrailers(reader, payload.trailers, seal)
  } finally {
    await reader.close()
  }
}

function readChunkHead(line: string): { readonly sizeBytes: number; readonly signature: string } {
  const [sizeText = '', ...extensions] = line.split(';')
  if (!/^[0-9a-f]{1,13}$/i.test(sizeText)) throw incompleteBody()
  const signature = extensions.find((extension) => extension.startsWith('chunk-signature='))?.slice(16) ?? ''
  return { sizeBytes: Number.parseInt(sizeText, 16), signature }
}

async function readTrailers(reader: ByteReader, trailers: Map<string, string>, seal?: ChunkSeal): Promise<void> {
  let signed = ''
  while (!(await reader.isAtEnd())) {
    const line = await reader.line()
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) throw malformedTrailer()
    const [name, value] = [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
    if (name === 'x-amz-trailer-signature') seal?.check('TRAILER', hash('sha256', signed), value)
    else {
      trailers.set(name, value)
      signed += `${name}:${value}\n`
    }
  }
}

/** The chain of signatures of a body: each begins with the one before it. */
class ChunkSeal {
  readonly #key: KeyObject
  readonly #head: Signature
  #previous: string

  constructor({ signature, secretAccessKey }: { readonly signature: Signature; readonly secretAccessKey: string }) {
    this.#key = signingKey(signature, secretAccessKey)
    this.#head = signature
    this.#previous = signature.value
  }

  check(kind: 'PAYLOAD' | 'TRAILER', content: string, given: string): void {
    const lines = [`AWS4-HMAC-SHA256-${kind}`, this.#head.dateTime, scopeOf(this.#head), this.#previous, content]
    const expected = signString(this.#key, lines.join('\n'))
    if (given !== expected) {
      throw new AwsError('SignatureDoesNotMatch', 'The chunk signature that was calculated does not match.', {
        status: 403,
      })
    }
    this.#previous = expected
  }
}

export const malformedTrailer = (): AwsError =>
  new AwsError(
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  )

function chunkTooSmall(chunk: number, badSizeBytes: number): AwsError {
  const message = `Only the last chunk is allowed to have a size less than ${MIN_CHUNK_BYTES} bytes`
  return new AwsError('InvalidChunkSizeError', message, {
    status: 403,
    fields: { Chunk: chunk, BadChunkSize: badSizeBytes },
  })
}
