import { hash } from 'node:crypto'

import type { RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import type { Signature } from './signature.ts'

const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** Ways to sign a body in parts, of the `x-amz-content-sha256` header; AWS has more (ECDSA), which are refused here. */
const STREAMING_PAYLOADS: ReadonlySet<string> = new Set([
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
])

/** What a request says was signed in the place of its body; undefined when it says nothing, which S3 does not accept. */
function declaredPayloadHash(signature: Signature, { headers, query }: RequestHead): string | undefined {
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
 * What goes into a signature for the body: its hash, so that a body which was changed on the way breaks the signature. S3
 * takes the hash that the request declares and compares it with the body later.
 * @throws AwsError when S3 is not told how the body is signed
 */
export function payloadHashOf(signature: Signature, head: RequestHead, body: Uint8Array | undefined): string {
  const declared = declaredPayloadHash(signature, head)
  if (declared !== undefined && (body === undefined || !isSha256(declared))) return declared
  return hash('sha256', body ?? '')
}

export function contentMismatch(declared: string, computed: string): AwsError {
  const fields = { ClientComputedContentSHA256: declared, S3ComputedContentSHA256: computed }
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed."
  return new AwsError('XAmzContentSHA256Mismatch', message, { fields })
}
