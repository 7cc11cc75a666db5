import { Readable } from 'node:stream'

import { decodeAwsChunked, malformedTrailer } from './aws-chunked.ts'
import { incompleteBody } from './byte-reader.ts'
import { CHECKSUM_ALGORITHMS, runningHash, startChecksum } from './checksums.ts'
import type { ChecksumAlgorithm, RunningChecksum } from './checksums.ts'
import { contentMismatch, isSha256 } from './payload-hash.ts'
import { readWhole } from './request.ts'
import type { RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import type { StreamedBody } from './service.ts'
import type { Signature } from './signature.ts'

/** 5 GiB: the most that one PutObject or UploadPart may carry. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 3

const NOTHING: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {},
}

/** The stream of a body that has been read whole. */
export const streamOf = (body: Uint8Array): StreamedBody =>
  Object.assign(Readable.from(body.length > 0 ? [body] : NOTHING, { objectMode: false }), { checksums: new Map() })

const isStreamed = (value: unknown): value is StreamedBody => value instanceof Readable && 'checksums' in value

/**
 * Lets an input be used several times though its body can be read but once: reads the body whole, and gives the input anew
 * at each call.
 * @throws AwsError when the body is not what was said of it
 */
export async function copied(input: unknown): Promise<() => unknown> {
  if (typeof input !== 'object' || input === null) return () => input
  const [name, body] = Object.entries(input).find(([, value]) => isStreamed(value)) ?? []
  if (name === undefined || !isStreamed(body)) return () => input
  const bytes = await readWhole(body)
  return () => ({ ...input, [name]: Object.assign(streamOf(bytes), { checksums: body.checksums }) })
}

/**
 * The body of a request to S3 while it arrives: without its `aws-chunked` framing, and checked against everything that was
 * said of it. What does not hold fails the stream.
 * @param payloadHash what was signed for the body; the head's own signature is right already
 * @throws AwsError when the head says what no body can fulfil
 */
export function openBody(
  source: AsyncIterable<Uint8Array>,
  head: RequestHead,
  payloadHash: string,
  signed: { readonly signature: Signature; readonly secretAccessKey: string },
): StreamedBody {
  const { headers } = head
  const lengthBytes = promisedBytes(headers, payloadHash)
  const trailers = new Map<string, string>()
  const checks = new BodyChecks(head, payloadHash)
  const checksums = new Map<ChecksumAlgorithm, string>()
  const isChunkSigned = payloadHash.startsWith('STREAMING-AWS4-HMAC-SHA256')
  const decoded = payloadHash.startsWith('STREAMING-')
    ? decodeAwsChunked(source, { trailers, ...(isChunkSigned ? { signed } : {}) })
    : source
  async function* checked(): AsyncGenerator<Uint8Array, void> {
    let sizeBytes = 0
    for await (const piece of decoded) {
      sizeBytes += piece.length
      checks.update(piece)
      yield piece
    }
    if (sizeBytes !== lengthBytes) throw incompleteBody()
    for (const [algorithm, value] of checks.finish(trailers)) checksums.set(algorithm, value)
  }
  return Object.assign(Readable.from(checked(), { objectMode: false }), { checksums })
}

/** S3 must know beforehand how long an object is. */
function promisedBytes(headers: RequestHead['headers'], payloadHash: string): number {
  const isChunked = payloadHash.startsWith('STREAMING-')
  const text = headers[isChunked ? 'x-amz-decoded-content-length' : 'content-length']
  if (text !== undefined && /^\d+$/.test(text)) {
    if (Number(text) <= MAX_OBJECT_BYTES) return Number(text)
    throw new AwsError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      fields: { ProposedSize: text, MaxSizeAllowed: MAX_OBJECT_BYTES },
    })
  }
  if (isChunked) {
    throw new AwsError('MissingContentLength', 'You must provide the Content-Length HTTP header.', { status: 411 })
  }
  if (!('transfer-encoding' in headers)) return 0
  throw new AwsError('NotImplemented', 'A header you provided implies functionality that is not implemented', {
    status: 501,
    fields: { Header: 'Transfer-Encoding' },
  })
}

const headerOf = (algorithm: ChecksumAlgorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`

/** What a sender said of his body, and what it turns out to be. */
class BodyChecks {
  readonly #headers: RequestHead['headers']
  readonly #payloadHash: string
  readonly #announced: string | undefined
  readonly #checksums: ReadonlyMap<ChecksumAlgorithm, RunningChecksum>
  readonly #md5: RunningChecksum | undefined
  readonly #sha256: RunningChecksum | undefined

  constructor({ headers, method, query }: RequestHead, payloadHash: string) {
    this.#headers = headers
    this.#payloadHash = payloadHash
    this.#announced = headers['x-amz-trailer']?.toLowerCase()
    // The checksums of a CompleteMultipartUpload are those of the object that the parts make.
    const isOfBody = !(method === 'POST' && query.has('uploadId'))
    const claimed = CHECKSUM_ALGORITHMS.filter(
      (name) => (isOfBody && headerOf(name) in headers) || this.#announced === headerOf(name),
    )
    const foreign = [...(isOfBody ? Object.keys(headers) : []), this.#announced ?? ''].find(isForeignChecksum)
    if (foreign) throw unknownChecksum(foreign)
    this.#checksums = new Map(claimed.map((algorithm) => [algorithm, startChecksum(algorithm)]))
    this.#md5 = 'content-md5' in headers ? runningHash('md5') : undefined
    this.#sha256 = isSha256(payloadHash) ? runningHash('sha256') : undefined
  }

  update(bytes: Uint8Array): void {
    for (const checksum of this.#checksums.values()) checksum.update(bytes)
    this.#md5?.update(bytes)
    this.#sha256?.update(bytes)
  }

  /** @throws AwsError `XAmzContentSHA256Mismatch`, `BadDigest`, `MalformedTrailerError` */
  finish(trailers: ReadonlyMap<string, string>): Map<ChecksumAlgorithm, string> {
    if (this.#sha256) {
      const computed = Buffer.from(this.#sha256.digest(), 'base64').toString('hex')
      if (computed !== this.#payloadHash) throw contentMismatch(this.#payloadHash, computed)
    }
    if (this.#md5 && this.#md5.digest() !== this.#headers['content-md5']) throw badDigest('Content-MD5')
    if (this.#announced !== undefined && !trailers.has(this.#announced)) throw malformedTrailer()
    const verified = new Map<ChecksumAlgorithm, string>()
    for (const [algorithm, checksum] of this.#checksums) {
      const value = checksum.digest()
      if (value !== (this.#headers[headerOf(algorithm)] ?? trailers.get(headerOf(algorithm))))
        throw badDigest(algorithm)
      verified.set(algorithm, value)
    }
    return verified
  }
}

const isForeignChecksum = (header: string): boolean => header.startsWith('x-amz-checksum-xxhash')

const unknownChecksum = (header: string): AwsError =>
  new AwsError('NotImplemented', `${header} is not implemented by the embedded account.`, { status: 501 })

const badDigest = (what: string): AwsError =>
  new AwsError('BadDigest', `The ${what} you specified did not match the calculated checksum.`)
