import type { Endpoint } from './endpoint.ts'
import type { RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import { checkSignature } from './signature.ts'
import type { Signature } from './signature.ts'

/** The owner of an access key, with what only he and the account know. */
export interface KeyOwner {
  readonly arn: string
  readonly accountId: string
  readonly secretAccessKey: string
  /** Of temporary keys: AWS knows them only together with it. */
  readonly sessionToken?: string
  /** Of temporary keys: refused from then on. */
  readonly expiresMs?: number
}

const EXPIRED_MESSAGE = 'The security token included in the request is expired'

/** How a service refuses temporary keys that have expired, by the code with which it refuses keys that it does not know. */
const EXPIRED: Readonly<Record<string, AwsError>> = {
  AuthFailure: new AwsError('RequestExpired', 'Request has expired.'),
  InvalidClientTokenId: new AwsError('ExpiredToken', EXPIRED_MESSAGE, { status: 403 }),
  InvalidAccessKeyId: new AwsError('ExpiredToken', 'The provided token has expired.'),
}
const EXPIRED_OTHERWISE = new AwsError('ExpiredTokenException', EXPIRED_MESSAGE)

/**
 * Who signed a request.
 * @param payloadHash what was signed for the body (see payloadHashOf)
 * @throws AwsError as the service refuses an unknown key, a wrong token, a wrong signature, an expired session
 */
export function authenticate<Owner extends KeyOwner>(
  signature: Signature,
  head: RequestHead,
  payloadHash: string,
  endpoint: Pick<Endpoint, 'unknownKey' | 'refuseSignature'>,
  identify: (accessKeyId: string) => Owner | undefined,
  nowMs: number,
): Owner {
  const owner = identify(signature.accessKeyId)
  if (!owner || owner.sessionToken !== signature.sessionToken) throw endpoint.unknownKey
  const fault = checkSignature(signature, head, owner.secretAccessKey, payloadHash)
  if (fault) throw endpoint.refuseSignature(fault)
  if (owner.expiresMs !== undefined && owner.expiresMs <= nowMs)
    throw EXPIRED[endpoint.unknownKey.code] ?? EXPIRED_OTHERWISE
  return owner
}
