/** Key pairs: launches name them. Nobody logs in to a guest with them. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import type {
  CreateKeyPairRequest,
  DeleteKeyPairRequest,
  DescribeKeyPairsRequest,
  ImportKeyPairRequest,
  KeyPairInfo,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import { KEY_PAIR, find } from '../ids.ts'
import type { Account } from '../model.ts'
import { invalidValue, operation, required } from '../request.ts'
import { mergeTags, tagsOnCreation, toTagSet } from '../tags.ts'
import { newResource } from './default-vpc.ts'
import type { KeyPair } from './model.ts'

const NAME_MAX = 255

/** @throws AwsError InvalidKeyPair.NotFound */
export function keyNamed({ keyPairs }: Account, name: string): KeyPair {
  for (const key of keyPairs.values()) if (key.name === name) return key
  throw new AwsError('InvalidKeyPair.NotFound', `The key pair '${name}' does not exist`)
}

function add(
  account: Account,
  request: CreateKeyPairRequest,
  key: Pick<KeyPair, 'type' | 'fingerprint' | 'publicKey'>,
): KeyPair {
  const name = required(request.KeyName, 'keyName')
  if (name.length > NAME_MAX)
    throw invalidValue(`Value for parameter KeyName is invalid. Length exceeds maximum of ${NAME_MAX}.`)
  for (const present of account.keyPairs.values())
    if (present.name === name) throw new AwsError('InvalidKeyPair.Duplicate', `The keypair already exists: ${name}`)
  const tags = tagsOnCreation(request.TagSpecifications, ['key-pair'])['key-pair']
  const added = { ...newResource(account, 'key'), ...key, name, tags: mergeTags(new Map(), tags) }
  account.keyPairs.set(added.id, added)
  return added
}

const pairs = (digest: string): string => digest.replaceAll(/..(?=.)/g, '$&:')

function create(account: Account, request: CreateKeyPairRequest): object {
  const type = request.KeyType ?? 'rsa'
  const { publicKey, privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519', { publicKeyEncoding: SPKI, privateKeyEncoding: PKCS8 })
      : generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: SPKI, privateKeyEncoding: PKCS1 })
  const fingerprint = pairs(createHash('sha1').update(privateKey).digest('hex'))
  const key = add(account, request, { type, fingerprint, publicKey })
  return {
    KeyPairId: key.id,
    KeyName: key.name,
    KeyFingerprint: fingerprint,
    KeyMaterial: privateKey,
    Tags: toTagSet(key.tags),
  }
}

const SPKI = { type: 'spki', format: 'pem' } as const
const PKCS8 = { type: 'pkcs8', format: 'pem' } as const
/** `BEGIN RSA PRIVATE KEY`, as older tools want it. */
const PKCS1 = { type: 'pkcs1', format: 'pem' } as const

function importKey(account: Account, request: ImportKeyPairRequest): object {
  const publicKey = Buffer.from(required(request.PublicKeyMaterial, 'publicKeyMaterial')).toString()
  const [, type, body = ''] = /^ssh-(rsa|ed25519) ([A-Za-z0-9+/]+=*)/.exec(publicKey) ?? []
  if (type !== 'rsa' && type !== 'ed25519')
    throw new AwsError('InvalidKey.Format', 'Key is not in valid OpenSSH public key format')
  const fingerprint = pairs(createHash('md5').update(Buffer.from(body, 'base64')).digest('hex'))
  const key = add(account, request, { type, fingerprint, publicKey })
  return { KeyPairId: key.id, KeyName: key.name, KeyFingerprint: fingerprint, Tags: toTagSet(key.tags) }
}

/** To delete a key that is not there is a success. */
function remove(account: Account, { KeyName, KeyPairId }: DeleteKeyPairRequest): object {
  if (KeyName === undefined && KeyPairId === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter KeyName or KeyPairId')
  const key =
    KeyPairId === undefined
      ? [...account.keyPairs.values()].find(({ name }) => name === KeyName)
      : account.keyPairs.get(KeyPairId)
  if (key) account.keyPairs.delete(key.id)
  return { Return: true, KeyPairId: key?.id }
}

const toOutput = (key: KeyPair): KeyPairInfo => ({
  KeyPairId: key.id,
  KeyName: key.name,
  KeyType: key.type,
  KeyFingerprint: key.fingerprint,
  CreateTime: new Date(key.createdMs),
  Tags: toTagSet(key.tags),
})

function describeKeys(account: Account, request: DescribeKeyPairsRequest): object {
  const filters = shownBy(toOutput, {
    'key-pair-id': 'KeyPairId',
    fingerprint: 'KeyFingerprint',
    'key-name': 'KeyName',
  })
  const description = { kind: KEY_PAIR, among: account.keyPairs, filters, idsParameter: 'keyPairIdSet' }
  const ids = [
    ...(request.KeyPairIds ?? []).map((id) => find(KEY_PAIR, account.keyPairs, id).id),
    ...(request.KeyNames ?? []).map((name) => keyNamed(account, name).id),
  ]
  const { items } = describe(account, description, { Filters: request.Filters }, ids)
  return {
    KeyPairs: items.map((key) => ({
      ...toOutput(key),
      PublicKey: request.IncludePublicKey ? key.publicKey : undefined,
    })),
  }
}

export const keyPairOperations = (account: Account): Operations => ({
  CreateKeyPair: operation<CreateKeyPairRequest>(['KeyName', 'KeyType', 'KeyFormat', 'TagSpecifications'], (input) => {
    if (input.KeyFormat === 'ppk')
      throw new AwsError('UnsupportedOperation', 'Keys in the format ppk are not made here.')
    return create(account, input)
  }),
  ImportKeyPair: operation<ImportKeyPairRequest>(['KeyName', 'PublicKeyMaterial', 'TagSpecifications'], (input) =>
    importKey(account, input),
  ),
  DeleteKeyPair: operation<DeleteKeyPairRequest>(['KeyName', 'KeyPairId'], (input) => remove(account, input)),
  DescribeKeyPairs: operation<DescribeKeyPairsRequest>(
    ['KeyNames', 'KeyPairIds', 'Filters', 'IncludePublicKey'],
    (input) => describeKeys(account, input),
  ),
})
