import type { IncomingMessage } from 'node:http'

import type { WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'

const MEBIBYTE_BYTES = 1024 * 1024

/** Of a body that is read whole before its operation runs. */
const MAX_BODY_BYTES = 16 * MEBIBYTE_BYTES
/** A request without its body: enough to see who asks which service. */
export type RequestHead = Omit<WireRequest, 'body' | 'stream'>

export function readHead(message: IncomingMessage, requestId: string): RequestHead {
  const target = message.url ?? '/'
  const queryStart = target.indexOf('?')
  const headers = Object.entries(message.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  )
  return {
    requestId,
    method: message.method ?? 'GET',
    target,
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: new URLSearchParams(queryStart < 0 ? '' : target.slice(queryStart + 1)),
    headers: Object.fromEntries(headers),
  }
}

/**
 * Reads a body to its end. A body that is too large is read and thrown away, since a client that is still sending would see
 * a broken connection instead of the refusal.
 * @throws AwsError `RequestEntityTooLargeException`; whatever the stream throws
 */
export async function readBody(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of bytes) {
    sizeBytes += chunk.length
    if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  if (sizeBytes <= MAX_BODY_BYTES) return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
  const message = `The request exceeds ${MAX_BODY_BYTES} bytes.`
  throw new AwsError('RequestEntityTooLargeException', message, { status: 413 })
}
