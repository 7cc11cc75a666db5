/** Which key is meant, and whether it can be used now. */
import { randomBytes, randomUUID } from 'node:crypto'
import { AwsError } from '../wire/service.ts'
import type { Alias, Key, KmsPlace, KmsState } from './model.ts'
import { managedKeyPolicy } from './key-policy.ts'
import { days, notFound } from './request.ts'

const KEY_BYTES = 32

/** Aliases that AWS reserves for the keys of its services; each gets its key when it is first used. */
const MANAGED_ALIASES = ['ebs', 's3', 'dynamodb', 'lambda', 'sns', 'sqs', 'ssm'].map((name) => `alias/aws/${name}`)

export const newMaterial = (createdMs: number): { createdMs: number; bytes: Uint8Array } => ({
  createdMs,
  bytes: new Uint8Array(randomBytes(KEY_BYTES)),
})

export function newState(): KmsState {
  const aliases = MANAGED_ALIASES.map((name): [string, Alias] => [name, { name }])
  return { keys: new Map(), aliases: new Map(aliases), grants: new Map() }
}

export const aliasArn = ({ region, accountId }: KmsPlace, name: string): string =>
  `arn:aws:kms:${region}:${accountId}:${name}`

/** A new key, entered. */
export function addKey(
  place: KmsPlace,
  given: Pick<Key, 'description' | 'policy' | 'tags'> & { readonly manager: Key['manager'] },
): Key {
  const id = randomUUID()
  const nowMs = place.clock.now()
  const key: Key = {
    ...given,
    id,
    arn: `arn:aws:kms:${place.region}:${place.accountId}:key/${id}`,
    accountId: place.accountId,
    createdMs: nowMs,
    materials: [newMaterial(nowMs)],
    enabled: true,
    // AWS rotates the keys of its services every year.
    ...(given.manager === 'AWS' ? { rotation: { periodDays: 365, nextMs: nowMs + days(365) } } : {}),
  }
  place.state.keys.set(id, key)
  return key
}

/** The key behind an alias of AWS, made if this is its first use. */
export function managedKey(place: KmsPlace, name: string): Key {
  const alias = place.state.aliases.get(name) ?? { name }
  const present = alias.keyId === undefined ? undefined : place.state.keys.get(alias.keyId)
  if (present) return present
  const service = name.replace('alias/aws/', '')
  const key = addKey(place, {
    manager: 'AWS',
    description: `Default key that protects my ${service.toUpperCase()} data when no other key is defined`,
    policy: managedKeyPolicy(place, service),
    tags: new Map(),
  })
  alias.keyId = key.id
  alias.createdMs = place.clock.now()
  alias.updatedMs = alias.createdMs
  place.state.aliases.set(name, alias)
  return key
}

interface KeyName {
  readonly accountId?: string
  /** `key/…` or `alias/…` */
  readonly path: string
}

/** @throws AwsError NotFoundException for another Region's ARN, InvalidArnException */
function parse(place: KmsPlace, name: string): KeyName {
  if (!name.startsWith('arn:')) return { path: name.startsWith('alias/') ? name : `key/${name}` }
  const [, region, accountId, path] = /^arn:aws:kms:([^:]*):(\d{12}):((?:key|alias)\/.+)$/.exec(name) ?? []
  if (path === undefined) throw new AwsError('InvalidArnException', `Invalid arn ${name}`)
  if (region !== place.region) throw notFound(`Invalid arn ${region}`)
  return { accountId, path }
}

/**
 * The key of this id, ARN, alias or alias ARN; those of other accounts by ARN alone.
 * @throws AwsError NotFoundException, InvalidArnException
 */
export function findKey(place: KmsPlace, name: string): Key {
  const { accountId = place.accountId, path } = parse(place, name)
  const state = accountId === place.accountId ? place.state : place.elsewhere(accountId)
  const arn = `arn:aws:kms:${place.region}:${accountId}:${path}`
  if (path.startsWith('key/')) {
    const key = state?.keys.get(path.slice('key/'.length))
    if (!key) throw notFound(`Key '${arn}' does not exist`)
    return key
  }
  const alias = state?.aliases.get(path)
  if (alias && alias.keyId === undefined && accountId === place.accountId) return managedKey(place, path)
  const key = alias?.keyId === undefined ? undefined : state?.keys.get(alias.keyId)
  if (!key) throw notFound(`Alias ${arn} is not found.`)
  return key
}

/** A key of this account, for operations that AWS does not offer across accounts. */
export function findOwnKey(place: KmsPlace, name: string): Key {
  const key = findKey(place, name)
  if (key.accountId !== place.accountId) throw notFound(`Key '${key.arn}' does not exist`)
  return key
}

/** As findOwnKey, but never by alias: so do the operations that manage a key. */
export function findOwnKeyById(place: KmsPlace, name: string): Key {
  if (/^(arn:.*:)?alias\//.test(name)) throw notFound(`Invalid keyId ${name}`)
  return findOwnKey(place, name)
}

/** A key of the customer's: AWS's own cannot be changed. @throws AwsError AccessDeniedException */
export function customerKey(key: Key): Key {
  if (key.manager === 'AWS')
    throw new AwsError('AccessDeniedException', `The key ${key.arn} is managed by AWS and cannot be changed.`)
  return key
}

/** @throws AwsError KMSInvalidStateException */
export function checkNotPendingDeletion(key: Key): Key {
  if (key.deletesMs !== undefined) throw new AwsError('KMSInvalidStateException', `${key.arn} is pending deletion.`)
  return key
}

/** A key that can encrypt and decrypt now. @throws AwsError DisabledException, KMSInvalidStateException */
export function checkUsable(key: Key): Key {
  checkNotPendingDeletion(key)
  if (!key.enabled) throw new AwsError('DisabledException', `${key.arn} is disabled.`)
  return key
}
