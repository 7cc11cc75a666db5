/** Which key encrypts a new volume or snapshot (AWS facts A.6, A.12, G). Bytes stay as they are: nobody reads them but through the API's rules. */
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Caller } from '../wire/service.ts'
import type { Encryption } from './keys.ts'
import type { Account } from './model.ts'
import type { Snapshot } from './snapshots/model.ts'

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
      ...(action === 'CreateGrant' ? { 'kms:GrantIsForAWSResource': true } : {}),
    },
  }))
}

function isPlannedToFail({ troubles: { failingKeys } }: Account, arn: string): boolean {
  const left = failingKeys.get(arn) ?? 0
  if (left > 1) failingKeys.set(arn, left - 1)
  else failingKeys.delete(arn)
  return left > 0
}

/** Why the caller cannot use this key so, if so. */
function problemWith(account: Account, caller: Caller, keyId: string, actions: readonly string[]): string {
  const key = account.keys.find(keyId)
  if (!key) return `Key '${keyId}' does not exist`
  if (key.state === 'Disabled') return `${keyId} is disabled.`
  if (key.state !== 'Enabled') return `${keyId} is pending deletion.`
  if (isPlannedToFail(account, key.arn)) return `${keyId} is not accessible.`
  if (!account.permit) return ''
  try {
    account.permit(caller.arn, keyUses(account, caller, actions, keyId))
    return ''
  } catch (cause) {
    if (cause instanceof AwsError) return cause.message
    throw cause
  }
}

/** What a host needs of a disk's key to read it (AWS facts G). */
const READ = ['CreateGrant', 'Decrypt']

/** Why the caller cannot have a host read these disks, if so: their keys are asked when they are attached, and at each start. */
export function attachmentProblem(
  account: Account,
  caller: Caller,
  disks: Iterable<{ readonly encryption?: Encryption }>,
): string {
  const keyIds = [...disks].flatMap(({ encryption }) => encryption?.kmsKeyId ?? [])
  return keyIds.map((keyId) => problemWith(account, caller, keyId, READ)).find((problem) => problem !== '') ?? ''
}

const newDataKey = (account: Account): string => account.ids.uuidOf(`data key ${account.nextOrder()}`)

/** The key of what is made of nothing or of a snapshot, as ARN; undefined: it is not encrypted. */
export function keyOfNew(
  account: Account,
  { Encrypted, KmsKeyId }: EncryptionRequest,
  snapshot: Snapshot | undefined,
): string | undefined {
  const source = snapshot?.encryption
  if (!Encrypted && !source && !account.state.ebs.encryptsByDefault) return undefined
  if (KmsKeyId !== undefined) return keyArn(account, KmsKeyId)
  const isOwn = snapshot?.ownerId === account.accountId
  return (isOwn ? source?.kmsKeyId : undefined) ?? defaultKeyArn(account)
}

/**
 * The encryption of what is made of nothing or of a snapshot: the snapshot's own key, unless it is somebody else's or another
 * is given. Undefined: not encrypted.
 * @throws AwsError InvalidParameterDependency
 */
export function encryptionOf(
  account: Account,
  request: EncryptionRequest,
  snapshot: Snapshot | undefined,
  caller: Caller,
): EncryptionPlan {
  if (request.KmsKeyId !== undefined && !request.Encrypted)
    throw new AwsError(
      'InvalidParameterDependency',
      'The parameter KmsKeyId requires the parameter Encrypted to be set.',
    )
  const source = snapshot?.encryption
  const kmsKeyId = keyOfNew(account, request, snapshot)
  if (kmsKeyId === undefined) return {}
  if (snapshot?.ownerId === account.accountId && source?.kmsKeyId === kmsKeyId) {
    const keyProblem = problemWith(account, caller, kmsKeyId, READ)
    return { encryption: source, ...(keyProblem ? { keyProblem } : {}) }
  }
  return reEncryption(account, caller, kmsKeyId, source && { at: account, keyId: source.kmsKeyId })
}

/** A key, and the Region whose KMS knows it. */
interface KeyAt {
  readonly at: Account
  readonly keyId: string
}

/** Under another key than before, if there was any: with a data key of its own, which breaks the lineage (AWS facts A.3, G). */
function reEncryption(account: Account, caller: Caller, kmsKeyId: string, source: KeyAt | undefined): EncryptionPlan {
  const keyProblem =
    (source ? problemWith(source.at, caller, source.keyId, ['Decrypt', 'ReEncryptFrom']) : '') ||
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
  const keyId = source.encryption?.kmsKeyId
  // The key of a snapshot of another Region is asked there: this Region's KMS knows nothing of it.
  const at = keyId === undefined ? undefined : account.elsewhere(account.accountId, keyId.split(':')[3] ?? '')
  return reEncryption(account, caller, kmsKeyId, keyId === undefined ? undefined : { at: at ?? account, keyId })
}
