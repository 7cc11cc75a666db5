import type { IncomingMessage } from 'node:http'

import type { WireRequest } from './protocol.ts'
import { AwsError } from './service.ts'

const MEBIBYTE_BYTES = 1024 * 1024

export const MAX_BODY_BYTES = 16 * MEBIBYTE_BYTES
/** Largest S3 object of one PutObject, and 1 MiB for the framing of `aws-chunked` (some 90 bytes per 64 KiB). */
export const MAX_OBJECT_BODY_BYTES = (64 + 1) * MEBIBYTE_BYTES

/** A request without its body: enough to see who asks which service. */
export type RequestHead = Omit<WireRequest, 'body'>

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
 * @throws AwsError `EntityTooLarge` (S3) or `RequestEntityTooLargeException`; whatever the stream throws when cut
 */
export async function readBody(message: IncomingMessage, service: string): Promise<Uint8Array> {
  const isS3 = service === 's3'
  const limitBytes = isS3 ? MAX_OBJECT_BODY_BYTES : MAX_BODY_BYTES
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length
    if (sizeBytes <= limitBytes) chunks.push(chunk)
    else chunks.length = 0
  }
  if (sizeBytes <= limitBytes) return Buffer.concat(chunks)
  throw isS3
    ? new AwsError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
    : new AwsError('RequestEntityTooLargeException', `The request exceeds ${limitBytes} bytes.`, { status: 413 })
}
