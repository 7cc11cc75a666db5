/** The life of keys: made, described, enabled, disabled, scheduled for deletion; their policies, tags and rotation. */
import type {
  CancelKeyDeletionRequest,
  CreateKeyRequest,
  CreateKeyResponse,
  DescribeKeyRequest,
  DescribeKeyResponse,
  DisableKeyRequest,
  EnableKeyRequest,
  KeyMetadata,
  KeyState,
  ListKeysRequest,
  ListKeysResponse,
  ScheduleKeyDeletionRequest,
  ScheduleKeyDeletionResponse,
  UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import { checkKeyPolicy, defaultKeyPolicy } from './key-policy.ts'
import { addKey, checkNotPendingDeletion, customerKey, findKey, findOwnKeyById } from './lookup.ts'
import type { Key, KmsPlace } from './model.ts'
import { checkLength, days, operation, pageOf, required } from './request.ts'
import { mergeTags } from './tags.ts'

const DESCRIPTION_MAX = 8_192
/** Days between the scheduling of a deletion and the deletion. */
const WINDOW = { min: 7, max: 30 }

export function stateOf(key: Key): KeyState {
  if (key.deletesMs !== undefined) return 'PendingDeletion'
  return key.enabled ? 'Enabled' : 'Disabled'
}

const toMetadata = (key: Key): KeyMetadata => ({
  AWSAccountId: key.accountId,
  KeyId: key.id,
  Arn: key.arn,
  CreationDate: new Date(key.createdMs),
  Enabled: stateOf(key) === 'Enabled',
  Description: key.description,
  KeyUsage: 'ENCRYPT_DECRYPT',
  KeyState: stateOf(key),
  DeletionDate: key.deletesMs === undefined ? undefined : new Date(key.deletesMs),
  Origin: 'AWS_KMS',
  KeyManager: key.manager,
  CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  KeySpec: 'SYMMETRIC_DEFAULT',
  EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  MultiRegion: false,
})

/** Symmetric keys of KMS's own are all there is here, and all that EBS takes (AWS facts G). */
function checkKind(request: CreateKeyRequest): void {
  const kind = {
    KeySpec: request.KeySpec ?? request.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT',
    KeyUsage: request.KeyUsage ?? 'ENCRYPT_DECRYPT',
    Origin: request.Origin ?? 'AWS_KMS',
  }
  const known = { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'AWS_KMS' }
  for (const [name, value] of Object.entries(kind))
    if (value !== known[name as keyof typeof known])
      throw new AwsError('UnsupportedOperationException', `${name} ${value} is not supported by this account.`)
}

function createKey(place: KmsPlace, request: CreateKeyRequest, caller: Caller): () => CreateKeyResponse {
  checkKind(request)
  const description = request.Description ?? ''
  checkLength('description', description.length, [0, DESCRIPTION_MAX])
  const tags = mergeTags(new Map(), request.Tags ?? [])
  const policy =
    request.Policy === undefined
      ? defaultKeyPolicy(place)
      : checkKeyPolicy(request.Policy, caller, request.BypassPolicyLockoutSafetyCheck ?? false)
  return () => ({ KeyMetadata: toMetadata(addKey(place, { manager: 'CUSTOMER', description, policy, tags })) })
}

function listKeys(place: KmsPlace, request: ListKeysRequest): ListKeysResponse {
  const { items, ...more } = pageOf([...place.state.keys.values()], request, {
    size: 100,
    max: 1_000,
    idOf: ({ id }) => id,
  })
  return { Keys: items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...more }
}

function setEnabled(place: KmsPlace, name: string | undefined, enabled: boolean): () => object {
  const key = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(name, 'keyId'))))
  return () => {
    key.enabled = enabled
    return {}
  }
}

/** Removes the key when its time comes, unless the deletion was cancelled; its aliases and grants go with it. */
export function letDelete(place: KmsPlace, key: Key): void {
  const { deletesMs } = key
  if (deletesMs === undefined) return
  const { keys, aliases, grants } = place.state
  place.clock.after(
    deletesMs - place.clock.now(),
    () => {
      if (key.deletesMs !== deletesMs || keys.get(key.id) !== key) return
      keys.delete(key.id)
      for (const alias of aliases.values()) if (alias.keyId === key.id) aliases.delete(alias.name)
      for (const grant of grants.values()) if (grant.keyId === key.id) grants.delete(grant.id)
    },
    { background: true },
  )
}

function scheduleKeyDeletion(place: KmsPlace, request: ScheduleKeyDeletionRequest): () => ScheduleKeyDeletionResponse {
  const window = request.PendingWindowInDays ?? WINDOW.max
  if (window < WINDOW.min || window > WINDOW.max)
    throw new AwsError('ValidationException', `PendingWindowInDays must be between ${WINDOW.min} and ${WINDOW.max}.`)
  const key = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  return () => {
    key.deletesMs = place.clock.now() + days(window)
    letDelete(place, key)
    return {
      KeyId: key.arn,
      DeletionDate: new Date(key.deletesMs),
      KeyState: 'PendingDeletion',
      PendingWindowInDays: window,
    }
  }
}

function cancelKeyDeletion(place: KmsPlace, request: CancelKeyDeletionRequest): () => object {
  const key = findOwnKeyById(place, required(request.KeyId, 'keyId'))
  if (key.deletesMs === undefined) throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`)
  return () => {
    key.deletesMs = undefined
    key.enabled = false // a key that is saved from deletion must be enabled by hand
    return { KeyId: key.arn }
  }
}

function updateKeyDescription(place: KmsPlace, request: UpdateKeyDescriptionRequest): () => object {
  const key = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  const description = required(request.Description, 'description')
  checkLength('description', description.length, [0, DESCRIPTION_MAX])
  return () => {
    key.description = description
    return {}
  }
}

export const keyOperations = (place: KmsPlace): Operations => ({
  CreateKey: operation<CreateKeyRequest>(
    [
      'Description',
      'Policy',
      'Tags',
      'KeySpec',
      'CustomerMasterKeySpec',
      'KeyUsage',
      'Origin',
      'BypassPolicyLockoutSafetyCheck',
    ],
    (input, caller) => createKey(place, input, caller),
  ),
  DescribeKey: operation<DescribeKeyRequest>(['KeyId', 'GrantTokens'], (input) => (): DescribeKeyResponse => ({
    KeyMetadata: toMetadata(findKey(place, required(input.KeyId, 'keyId'))),
  })),
  ListKeys: operation<ListKeysRequest>(['Limit', 'Marker'], (input) => () => listKeys(place, input)),
  EnableKey: operation<EnableKeyRequest>(['KeyId'], ({ KeyId }) => setEnabled(place, KeyId, true)),
  DisableKey: operation<DisableKeyRequest>(['KeyId'], ({ KeyId }) => setEnabled(place, KeyId, false)),
  ScheduleKeyDeletion: operation<ScheduleKeyDeletionRequest>(['KeyId', 'PendingWindowInDays'], (input) =>
    scheduleKeyDeletion(place, input),
  ),
  CancelKeyDeletion: operation<CancelKeyDeletionRequest>(['KeyId'], (input) => cancelKeyDeletion(place, input)),
  UpdateKeyDescription: operation<UpdateKeyDescriptionRequest>(['KeyId', 'Description'], (input) =>
    updateKeyDescription(place, input),
  ),
})
