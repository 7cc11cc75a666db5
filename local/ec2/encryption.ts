/** Which key encrypts a new volume or snapshot (AWS facts A.6, A.12, G). Bytes stay as they are: nobody reads them but through the API's rules. */
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'
import type { Encryption } from './ebs-model.ts'
import type { Account, Snapshot } from './model.ts'

export interface EncryptionRequest {
  readonly Encrypted?: boolean
  readonly KmsKeyId?: string
}

export interface EncryptionPlan {
  readonly encryption?: Encryption
  /** Why the key cannot be used: the call succeeds, and what it made fails afterwards (AWS facts A.6, A.12). */
  readonly keyProblem?: string
}

/** A key as ARN, whichever of the four ways it was named in; one that does not exist keeps the name that it was given. */
function keyArn(account: Account, key: string): string {
  const known = account.keys.find(key)
  if (known) return known.arn
  if (key.startsWith('arn:')) return key
  return `arn:aws:kms:${account.region}:${account.accountId}:${key.startsWith('alias/') ? key : `key/${key}`}`
}

/** The key that EBS uses in this Region unless told which. */
export const defaultKeyArn = ({ state, keys }: Account): string =>
  state.ebs.defaultKeyId ?? keys.managedKey('alias/aws/ebs').arn

/** What EBS does with a key in the caller's name. */
function keyUses(account: Account, caller: Caller, actions: readonly string[], keyId: string): AccessRequest[] {
  return actions.map((action) => ({
    action: `kms:${action}`,
    resource: keyId,
    context: {
      'kms:ViaService': `ec2.${account.region}.amazonaws.com`,
      'kms:CallerAccount': caller.accountId,
      'kms:GrantIsForAWSResource': true,
    },
  }))
}

/** Why the caller cannot use this key so, if so. */
function problemWith(account: Account, caller: Caller | undefined, keyId: string, actions: readonly string[]): string {
  const key = account.keys.find(keyId)
  if (!key) return `Key '${keyId}' does not exist`
  if (key.state === 'Disabled') return `${keyId} is disabled.`
  if (key.state !== 'Enabled') return `${keyId} is pending deletion.`
  if (!caller || !account.permit) return ''
  try {
    account.permit(caller.arn, keyUses(account, caller, actions, keyId))
    return ''
  } catch (cause) {
    if (cause instanceof AwsError) return cause.message
    throw cause
  }
}

const newDataKey = (account: Account): string => account.ids.uuidOf(`data key ${account.nextOrder()}`)

/**
 * The encryption of what is made of nothing or of a snapshot: the snapshot's own key, unless it is somebody else's or another
 * is given. Undefined: not encrypted.
 * @throws AwsError InvalidParameterDependency
 */
export function encryptionOf(
  account: Account,
  request: EncryptionRequest,
  snapshot: Snapshot | undefined,
  caller?: Caller,
): EncryptionPlan {
  if (request.KmsKeyId !== undefined && !request.Encrypted)
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  const source = snapshot?.encryption
  if (!request.Encrypted && !source && !account.state.ebs.encryptsByDefault) return {}
  const isOwn = snapshot?.ownerId === account.accountId
  const kmsKeyId =
    request.KmsKeyId === undefined
      ? ((isOwn ? source?.kmsKeyId : undefined) ?? defaultKeyArn(account))
      : keyArn(account, request.KmsKeyId)
  if (isOwn && source?.kmsKeyId === kmsKeyId) {
    const keyProblem = problemWith(account, caller, kmsKeyId, ['CreateGrant', 'Decrypt'])
    return { encryption: source, ...(keyProblem ? { keyProblem } : {}) }
  }
  return reEncryption(account, source?.kmsKeyId, kmsKeyId, caller)
}

/** Under another key than before, if there was any: with a data key of its own, which breaks the lineage (AWS facts A.3, G). */
export function reEncryption(
  account: Account,
  sourceKeyId: string | undefined,
  kmsKeyId: string,
  caller?: Caller,
): EncryptionPlan {
  const keyProblem =
    (sourceKeyId === undefined ? '' : problemWith(account, caller, sourceKeyId, ['Decrypt', 'ReEncryptFrom'])) ||
    problemWith(account, caller, kmsKeyId, ['CreateGrant', 'GenerateDataKeyWithoutPlaintext'])
  return { encryption: { kmsKeyId, dataKeyId: newDataKey(account) }, ...(keyProblem ? { keyProblem } : {}) }
}

/** The encryption of a copy of a snapshot: never the source's key unless it is given (AWS facts A.6). */
export function encryptionOfCopy(
  account: Account,
  request: EncryptionRequest,
  source: Snapshot,
  caller: Caller,
): EncryptionPlan {
  if (request.Encrypted === false && source.encryption)
    throw new AwsError('InvalidParameterCombination', 'A copy of an encrypted snapshot cannot be unencrypted.')
  if (request.KmsKeyId !== undefined && !request.Encrypted && !source.encryption)
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  if (!request.Encrypted && !source.encryption && !account.state.ebs.encryptsByDefault) return {}
  const kmsKeyId = request.KmsKeyId === undefined ? defaultKeyArn(account) : keyArn(account, request.KmsKeyId)
  // The key of a snapshot of another Region is asked there: this Region's KMS knows nothing of it.
  const sourceKeyId =
    source.encryption?.kmsKeyId.split(':')[3] === account.region ? source.encryption.kmsKeyId : undefined
  return reEncryption(account, sourceKeyId, kmsKeyId, caller)
}
