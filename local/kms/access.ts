/** What IAM is asked before a KMS operation runs (Service Authorization Reference, AWS KMS). */
import type {
  CreateAliasRequest,
  CreateGrantRequest,
  CreateKeyRequest,
  DecryptRequest,
  DeleteAliasRequest,
  ReEncryptRequest,
  RetireGrantRequest,
  ScheduleKeyDeletionRequest,
} from '@aws-sdk/client-kms'
import { anyResource } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'
import { keyArnOf } from './ciphertext.ts'
import type { EncryptionContext } from './ciphertext.ts'
import { aliasArn, findKey } from './lookup.ts'
import type { Key, KmsPlace } from './model.ts'

type Context = AccessRequest['context']

/** The condition keys that every key operation has. */
function keyContext(key: Key, caller: Caller): Context {
  const tags = [...key.tags].map(([name, value]): [string, string] => [`aws:ResourceTag/${name}`, value])
  return {
    'kms:CallerAccount': caller.accountId,
    'kms:KeySpec': 'SYMMETRIC_DEFAULT',
    'kms:KeyUsage': 'ENCRYPT_DECRYPT',
    'kms:KeyOrigin': 'AWS_KMS',
    'kms:MultiRegion': false,
    ...Object.fromEntries(tags),
  }
}

function encryptionContext(pairs: EncryptionContext | undefined): Context {
  const entries = Object.entries(pairs ?? {})
  if (entries.length === 0) return {}
  return {
    'kms:EncryptionContextKeys': entries.map(([name]) => name),
    ...Object.fromEntries(entries.map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
  }
}

/** A key that is not there is the operation's to refuse: IAM is asked about the name as it stands. */
function onKey(place: KmsPlace, caller: Caller, action: string, name = '', more: Context = {}): AccessRequest {
  try {
    const key = findKey(place, name)
    const alias = /(alias\/.+)$/.exec(name)?.[1]
    return {
      action: `kms:${action}`,
      resource: key.arn,
      context: { ...keyContext(key, caller), ...(alias ? { 'kms:RequestAlias': alias } : {}), ...more },
    }
  } catch {
    const path = name.startsWith('arn:') ? name : `arn:aws:kms:${place.region}:${place.accountId}:key/${name}`
    return { action: `kms:${action}`, resource: path, context: { 'kms:CallerAccount': caller.accountId, ...more } }
  }
}

const cipherKey = (ciphertext: Uint8Array | undefined): string => {
  try {
    return keyArnOf(ciphertext ?? new Uint8Array())
  } catch {
    return ''
  }
}

interface Named {
  readonly KeyId?: string
  readonly EncryptionContext?: EncryptionContext
}

const tagContext = (tags: readonly { readonly TagKey?: string; readonly TagValue?: string }[] = []): Context =>
  tags.length === 0
    ? {}
    : {
        'aws:TagKeys': tags.map(({ TagKey = '' }) => TagKey),
        ...Object.fromEntries(tags.map(({ TagKey = '', TagValue = '' }) => [`aws:RequestTag/${TagKey}`, TagValue])),
      }

/** Operations about one key whose action is the operation's name. */
const KEY_OPERATIONS = [
  'CancelKeyDeletion',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'ListGrants',
  'ListKeyPolicies',
  'ListResourceTags',
  'PutKeyPolicy',
  'RevokeGrant',
  'UntagResource',
  'UpdateKeyDescription',
]

const onKeyNamed =
  (place: KmsPlace, action: string): AccessOf =>
  (input: Named, caller) => [onKey(place, caller, action, input.KeyId, encryptionContext(input.EncryptionContext))]

/** An alias and its key are both asked for. */
const aliasAccess =
  (place: KmsPlace, action: string): AccessOf =>
  ({ AliasName = '', TargetKeyId }: CreateAliasRequest & DeleteAliasRequest, caller) => [
    {
      action: `kms:${action}`,
      resource: aliasArn(place, AliasName),
      context: { 'kms:CallerAccount': caller.accountId },
    },
    onKey(place, caller, action, TargetKeyId ?? AliasName),
  ]

function reEncryptAccess(place: KmsPlace, request: ReEncryptRequest, caller: Caller): AccessRequest[] {
  const source = request.SourceKeyId ?? cipherKey(request.CiphertextBlob)
  const target = request.DestinationKeyId
  return [
    onKey(place, caller, 'ReEncryptFrom', source, encryptionContext(request.SourceEncryptionContext)),
    onKey(place, caller, 'ReEncryptTo', target, encryptionContext(request.DestinationEncryptionContext)),
  ]
}

function createGrantAccess(place: KmsPlace, request: CreateGrantRequest, caller: Caller): AccessRequest[] {
  const constraints = Object.keys(request.Constraints ?? {})[0]
  return [
    onKey(place, caller, 'CreateGrant', request.KeyId, {
      'kms:GrantIsForAWSResource': false,
      'kms:GrantOperations': request.Operations ?? [],
      'kms:GranteePrincipal': request.GranteePrincipal ?? '',
      ...(request.RetiringPrincipal ? { 'kms:RetiringPrincipal': request.RetiringPrincipal } : {}),
      ...(constraints ? { 'kms:GrantConstraintType': constraints } : {}),
    }),
  ]
}

/** A grant's retirement is its own permission for who may retire it; others need the right by policy. */
function retireGrantAccess(place: KmsPlace, request: RetireGrantRequest, caller: Caller): AccessRequest[] {
  const grant = [...place.state.grants.values()].find(
    ({ id, token }) => id === request.GrantId || token === request.GrantToken,
  )
  const mayByGrant =
    grant &&
    (grant.retiringPrincipal === caller.arn ||
      (grant.granteePrincipal === caller.arn && grant.operations.includes('RetireGrant')))
  return mayByGrant ? [] : [onKey(place, caller, 'RetireGrant', request.KeyId ?? grant?.keyId)]
}

export function kmsAccess(place: KmsPlace): Readonly<Record<string, AccessOf>> {
  return {
    ...Object.fromEntries(KEY_OPERATIONS.map((name) => [name, onKeyNamed(place, name)])),
    ...Object.fromEntries(
      ['ListKeys', 'ListAliases', 'ListRetirableGrants', 'GenerateRandom'].map((name) => [
        name,
        anyResource(`kms:${name}`),
      ]),
    ),
    ...Object.fromEntries(
      ['CreateAlias', 'UpdateAlias', 'DeleteAlias'].map((name) => [name, aliasAccess(place, name)]),
    ),
    CreateKey: (input: CreateKeyRequest, caller) => [
      {
        action: 'kms:CreateKey',
        resource: '*',
        context: {
          'kms:CallerAccount': caller.accountId,
          'kms:KeySpec': 'SYMMETRIC_DEFAULT',
          ...tagContext(input.Tags),
        },
      },
    ],
    TagResource: (input: Named & { readonly Tags?: CreateKeyRequest['Tags'] }, caller) => [
      onKey(place, caller, 'TagResource', input.KeyId, tagContext(input.Tags)),
    ],
    ScheduleKeyDeletion: (input: ScheduleKeyDeletionRequest, caller) => [
      onKey(place, caller, 'ScheduleKeyDeletion', input.KeyId, {
        'kms:ScheduleKeyDeletionPendingWindowInDays': input.PendingWindowInDays ?? 30,
      }),
    ],
    Decrypt: (input: DecryptRequest, caller) => [
      onKey(
        place,
        caller,
        'Decrypt',
        input.KeyId ?? cipherKey(input.CiphertextBlob),
        encryptionContext(input.EncryptionContext),
      ),
    ],
    ReEncrypt: (input: ReEncryptRequest, caller) => reEncryptAccess(place, input, caller),
    CreateGrant: (input: CreateGrantRequest, caller) => createGrantAccess(place, input, caller),
    RetireGrant: (input: RetireGrantRequest, caller) => retireGrantAccess(place, input, caller),
  }
}
