import type { Endpoint } from './endpoint.ts'
import type { RequestHead } from './request.ts'
import { checkSignature } from './signature.ts'
import type { Signature } from './signature.ts'

/** The owner of an access key, with what only he and the account know. */
export interface KeyOwner {
  readonly arn: string
  readonly accountId: string
  readonly secretAccessKey: string
  /** Of temporary keys: AWS knows them only together with it. */
  readonly sessionToken?: string
}

/**
 * Who signed a request.
 * @param payloadHash what was signed for the body (see payloadHashOf)
 * @throws AwsError as the service refuses an unknown key, a wrong token, a wrong signature
 */
export function authenticate<Owner extends KeyOwner>(
  signature: Signature,
  head: RequestHead,
  payloadHash: string,
  endpoint: Pick<Endpoint, 'unknownKey' | 'refuseSignature'>,
  identify: (accessKeyId: string) => Owner | undefined,
): Owner {
  const owner = identify(signature.accessKeyId)
  if (!owner || owner.sessionToken !== signature.sessionToken) throw endpoint.unknownKey
  const fault = checkSignature(signature, head, owner.secretAccessKey, payloadHash)
  if (fault) throw endpoint.refuseSignature(fault)
  return owner
}
