import { hash } from 'node:crypto'

import type { RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import type { Signature } from './signature.ts'

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** Ways to sign a body in parts, of the `x-amz-content-sha256` header; AWS has more (ECDSA), which are refused here. */
const STREAMING_PAYLOADS: ReadonlySet<string> = new Set([
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
])

/**
 * What a signer signed in the place of the body, as far as it is known before the body is read; undefined when it is the
 * body's hash and only the body tells it.
 * @throws AwsError when S3 needs to be told and is not
 */
export function declaredPayloadHash(signature: Signature, { headers, query }: RequestHead): string | undefined {
  const declared = headers['x-amz-content-sha256'] ?? query.get('X-Amz-Content-Sha256') ?? undefined
  if (signature.service !== 's3') return declared
  if (declared === undefined) {
    if (signature.isPresigned) return UNSIGNED_PAYLOAD
    throw new AwsError('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  if (declared === UNSIGNED_PAYLOAD || STREAMING_PAYLOADS.has(declared) || /^[0-9a-f]{64}$/.test(declared)) {
    return declared
  }
  const message =
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value.'
  throw new AwsError('InvalidArgument', message, {
    fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: declared },
  })
}

/** Whether a declared hash is a SHA-256, which the body can be compared with. */
export const isSha256 = (declared: string | undefined): declared is string =>
  declared !== undefined && /^[0-9a-f]{64}$/.test(declared)

/**
 * The hash that goes into the signature of a request whose body has been read: that of the body itself, so that a body which
 * was changed on the way breaks the signature.
 * @throws AwsError `XAmzContentSHA256Mismatch` (S3)
 */
export function payloadHashOf(signature: Signature, head: RequestHead, body: Uint8Array): string {
  const declared = declaredPayloadHash(signature, head)
  if (declared !== undefined && !isSha256(declared)) return declared
  const computed = hash('sha256', body)
  if (signature.service === 's3' && declared !== undefined && declared !== computed) {
    throw contentMismatch(declared, computed)
  }
  return computed
}

export function contentMismatch(declared: string, computed: string): AwsError {
  const fields = { ClientComputedContentSHA256: declared, S3ComputedContentSHA256: computed }
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed."
  return new AwsError('XAmzContentSHA256Mismatch', message, { fields })
}
