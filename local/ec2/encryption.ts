/** Which key encrypts a new volume (AWS facts A.12). Bytes stay as they are: nobody reads them but through the API's rules. */
import { AwsError } from '../wire/service.ts'
import type { Account, Encryption, Snapshot } from './model.ts'

interface EncryptionRequest {
  readonly Encrypted?: boolean
  readonly KmsKeyId?: string
}

/** A key as ARN, whichever of the four ways it was named in. */
function keyArn({ region, accountId }: Account, key: string): string {
  if (key.startsWith('arn:')) return key
  return `arn:aws:kms:${region}:${accountId}:${key.startsWith('alias/') ? key : `key/${key}`}`
}

/**
 * The encryption of the next volume: the snapshot's, unless another key is given. Undefined: not encrypted.
 * @throws AwsError InvalidParameterDependency
 */
export function encryptionOf(
  account: Account,
  request: EncryptionRequest,
  snapshot: Snapshot | undefined,
): Encryption | undefined {
  if (request.KmsKeyId !== undefined && !request.Encrypted)
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  const source = snapshot?.encryption
  if (!request.Encrypted && !source) return undefined
  const kmsKeyId =
    request.KmsKeyId === undefined
      ? (source?.kmsKeyId ?? keyArn(account, account.ids.uuidOf('alias/aws/ebs')))
      : keyArn(account, request.KmsKeyId)
  if (source?.kmsKeyId === kmsKeyId) return source
  return { kmsKeyId, dataKeyId: account.ids.uuidOf(`data key ${account.nextOrder()}`) }
}
