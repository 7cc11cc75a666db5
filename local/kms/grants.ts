/** Grants: rights to a key given to one principal, apart from any policy. */
import { randomBytes } from 'node:crypto'
import type {
  CreateGrantRequest,
  CreateGrantResponse,
  GrantListEntry,
  GrantOperation,
  ListGrantsRequest,
  ListGrantsResponse,
  ListRetirableGrantsRequest,
  RetireGrantRequest,
  RevokeGrantRequest,
} from '@aws-sdk/client-kms'
import { AwsError } from '../wire/service.ts'
import type { AccessRequest, Caller, Operations } from '../wire/service.ts'
import { checkUsable, findKey } from './lookup.ts'
import type { Grant, Key, KmsPlace } from './model.ts'
import { invalid, notFound, operation, pageOf, required } from './request.ts'

/** What a grant for a symmetric key can allow. */
const OPERATIONS: readonly GrantOperation[] = [
  'CreateGrant',
  'Decrypt',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
  'RetireGrant',
]

const PRINCIPAL = /^(arn:aws:(iam|sts)::\d{12}:.+|[a-z0-9.-]+\.amazonaws\.com)$/

function checkPrincipal(name: string, principal: string): string {
  if (!PRINCIPAL.test(principal))
    throw new AwsError('InvalidArnException', `ARN does not refer to a valid principal: ${name}`)
  return principal
}

/** The KMS that holds a key: grants are kept with the key, whoever gives them. */
const grantsOf = (place: KmsPlace, key: Key): Map<string, Grant> =>
  (key.accountId === place.accountId ? place.state : place.elsewhere(key.accountId))?.grants ?? new Map()

const sameConstraints = (left: Grant['constraints'], right: Grant['constraints']): boolean =>
  JSON.stringify(left ?? {}) === JSON.stringify(right ?? {})

function createGrant(place: KmsPlace, request: CreateGrantRequest, caller: Caller): () => CreateGrantResponse {
  const key = checkUsable(findKey(place, required(request.KeyId, 'keyId')))
  const granteePrincipal = checkPrincipal('grantee', required(request.GranteePrincipal, 'granteePrincipal'))
  const operations = required(request.Operations, 'operations')
  const unknown = operations.find((one) => !OPERATIONS.includes(one))
  if (unknown !== undefined) throw invalid(`The operation ${unknown} is not valid for the key ${key.arn}.`)
  if (request.RetiringPrincipal !== undefined) checkPrincipal('retiring', request.RetiringPrincipal)
  const grants = grantsOf(place, key)
  // With a name, the same request gives the same grant with another token.
  const earlier = [...grants.values()].find(
    (grant) =>
      request.Name !== undefined &&
      grant.keyId === key.id &&
      grant.name === request.Name &&
      grant.granteePrincipal === granteePrincipal &&
      grant.retiringPrincipal === request.RetiringPrincipal &&
      sameConstraints(grant.constraints, request.Constraints) &&
      [...grant.operations].sort().join() === [...operations].sort().join(),
  )
  return () => {
    const grant: Grant = earlier ?? {
      id: randomBytes(32).toString('hex'),
      token: randomBytes(96).toString('base64'),
      keyId: key.id,
      name: request.Name,
      granteePrincipal,
      retiringPrincipal: request.RetiringPrincipal,
      issuingAccount: `arn:aws:iam::${caller.accountId}:root`,
      operations: [...new Set(operations)],
      constraints: request.Constraints,
      createdMs: place.clock.now(),
    }
    grants.set(grant.id, grant)
    return { GrantId: grant.id, GrantToken: grant.token }
  }
}

const toEntry = (grant: Grant, keyArn: string): GrantListEntry => ({
  KeyId: keyArn,
  GrantId: grant.id,
  Name: grant.name ?? '',
  CreationDate: new Date(grant.createdMs),
  GranteePrincipal: grant.granteePrincipal,
  RetiringPrincipal: grant.retiringPrincipal,
  IssuingAccount: grant.issuingAccount,
  Operations: [...grant.operations],
  Constraints: grant.constraints,
})

function listGrants(place: KmsPlace, request: ListGrantsRequest): ListGrantsResponse {
  const key = findKey(place, required(request.KeyId, 'keyId'))
  const grants = [...grantsOf(place, key).values()].filter(
    ({ id, keyId, granteePrincipal }) =>
      keyId === key.id &&
      (request.GrantId === undefined || id === request.GrantId) &&
      (request.GranteePrincipal === undefined || granteePrincipal === request.GranteePrincipal),
  )
  const { items, ...more } = pageOf(grants, request, { size: 50, max: 100, idOf: ({ id }) => id })
  return { Grants: items.map((grant) => toEntry(grant, key.arn)), ...more }
}

function listRetirableGrants(place: KmsPlace, request: ListRetirableGrantsRequest): ListGrantsResponse {
  const principal = required(request.RetiringPrincipal, 'retiringPrincipal')
  const grants = [...place.state.grants.values()].filter(({ retiringPrincipal }) => retiringPrincipal === principal)
  const { items, ...more } = pageOf(grants, request, { size: 50, max: 100, idOf: ({ id }) => id })
  return { Grants: items.map((grant) => toEntry(grant, place.state.keys.get(grant.keyId)?.arn ?? '')), ...more }
}

function revokeGrant(place: KmsPlace, request: RevokeGrantRequest): () => object {
  const key = findKey(place, required(request.KeyId, 'keyId'))
  const id = required(request.GrantId, 'grantId')
  const grants = grantsOf(place, key)
  if (grants.get(id)?.keyId !== key.id) throw new AwsError('NotFoundException', `Grant ID ${id} not found`)
  return () => {
    grants.delete(id)
    return {}
  }
}

function retireGrant(place: KmsPlace, request: RetireGrantRequest, caller: Caller): () => object {
  const grant = request.GrantToken === undefined ? grantById(place, request) : grantByToken(place, request.GrantToken)
  const mayRetire =
    caller.arn.endsWith(':root') ||
    caller.arn === grant.retiringPrincipal ||
    caller.accountId === place.accountId ||
    (grant.operations.includes('RetireGrant') && caller.arn === grant.granteePrincipal)
  if (!mayRetire) throw new AwsError('AccessDeniedException', `${caller.arn} may not retire the grant ${grant.id}.`)
  return () => {
    place.state.grants.delete(grant.id)
    return {}
  }
}

function grantById(place: KmsPlace, request: RetireGrantRequest): Grant {
  const key = findKey(place, required(request.KeyId, 'keyId'))
  const grant = grantsOf(place, key).get(required(request.GrantId, 'grantId'))
  if (grant?.keyId !== key.id) throw notFound(`Grant ID ${request.GrantId} not found`)
  return grant
}

function grantByToken({ state }: KmsPlace, token: string): Grant {
  const grant = [...state.grants.values()].find((candidate) => candidate.token === token)
  if (!grant) throw new AwsError('InvalidGrantTokenException', 'The grant token is not valid.')
  return grant
}

const CONTEXT = 'kms:EncryptionContext:'

/** Whether the encryption context of a request is the one that a grant is for, or holds at least its pairs. */
function fulfils({ constraints }: Grant, { context }: AccessRequest): boolean {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints ?? {}
  const holdsAll = (pairs: object): boolean =>
    Object.entries(pairs).every(([name, value]) => context[`${CONTEXT}${name}`] === value)
  const given = Object.keys(context).filter((key) => key.startsWith(CONTEXT))
  if (equals && (given.length !== Object.keys(equals).length || !holdsAll(equals))) return false
  return !subset || holdsAll(subset)
}

/** Whether a grant lets one of these principals do this with a key of this place. */
export const isGranted = (
  { state }: Pick<KmsPlace, 'state'>,
  request: AccessRequest,
  principals: readonly string[],
): boolean =>
  [...state.grants.values()].some(
    (grant) =>
      request.resource.endsWith(`:key/${grant.keyId}`) &&
      principals.includes(grant.granteePrincipal) &&
      grant.operations.some((operation) => request.action === `kms:${operation}`) &&
      fulfils(grant, request),
  )

export const grantOperations = (place: KmsPlace): Operations => ({
  CreateGrant: operation<CreateGrantRequest>(
    ['KeyId', 'GranteePrincipal', 'RetiringPrincipal', 'Operations', 'Constraints', 'GrantTokens', 'Name'],
    (input, caller) => createGrant(place, input, caller),
  ),
  ListGrants: operation<ListGrantsRequest>(
    ['KeyId', 'GrantId', 'GranteePrincipal', 'Limit', 'Marker'],
    (input) => () => listGrants(place, input),
  ),
  ListRetirableGrants: operation<ListRetirableGrantsRequest>(
    ['RetiringPrincipal', 'Limit', 'Marker'],
    (input) => () => listRetirableGrants(place, input),
  ),
  RevokeGrant: operation<RevokeGrantRequest>(['KeyId', 'GrantId'], (input) => revokeGrant(place, input)),
  RetireGrant: operation<RetireGrantRequest>(['GrantToken', 'KeyId', 'GrantId'], (input, caller) =>
    retireGrant(place, input, caller),
  ),
})
