/** Names for keys, which can be moved from key to key. */
import type {
  AliasListEntry,
  CreateAliasRequest,
  DeleteAliasRequest,
  ListAliasesRequest,
  ListAliasesResponse,
  UpdateAliasRequest,
} from '@aws-sdk/client-kms'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { aliasArn, checkNotPendingDeletion, customerKey, findOwnKeyById } from './lookup.ts'
import type { Alias, KmsPlace } from './model.ts'
import { invalid, notFound, operation, pageOf, required } from './request.ts'

const NAME_MAX = 256

/** @throws AwsError ValidationException, InvalidAliasNameException, NotAuthorized */
function checkName(name: string): string {
  if (!name.startsWith('alias/')) throw invalid('Invalid identifier')
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name) || name.length > NAME_MAX)
    throw invalid(
      `1 validation error detected: Value '${name}' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$`,
    )
  if (name.startsWith('alias/aws/')) throw new AwsError('NotAuthorizedException', 'The prefix alias/aws/ is reserved.')
  return name
}

/** @throws AwsError NotFoundException */
function findAlias(place: KmsPlace, name: string): Alias {
  const alias = place.state.aliases.get(name)
  if (!alias) throw notFound(`Alias ${aliasArn(place, name)} is not found.`)
  return alias
}

function createAlias(place: KmsPlace, request: CreateAliasRequest): () => object {
  const name = checkName(required(request.AliasName, 'aliasName'))
  const key = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.TargetKeyId, 'targetKeyId'))))
  if (place.state.aliases.has(name))
    throw new AwsError('AlreadyExistsException', `An alias with the name ${aliasArn(place, name)} already exists`)
  return () => {
    const nowMs = place.clock.now()
    place.state.aliases.set(name, { name, keyId: key.id, createdMs: nowMs, updatedMs: nowMs })
    return {}
  }
}

function updateAlias(place: KmsPlace, request: UpdateAliasRequest): () => object {
  const alias = findAlias(place, checkName(required(request.AliasName, 'aliasName')))
  const key = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.TargetKeyId, 'targetKeyId'))))
  return () => {
    alias.keyId = key.id
    alias.updatedMs = place.clock.now()
    return {}
  }
}

function deleteAlias(place: KmsPlace, request: DeleteAliasRequest): () => object {
  const { name } = findAlias(place, checkName(required(request.AliasName, 'aliasName')))
  return () => {
    place.state.aliases.delete(name)
    return {}
  }
}

const toEntry = (place: KmsPlace, { name, keyId, createdMs, updatedMs }: Alias): AliasListEntry => ({
  AliasName: name,
  AliasArn: aliasArn(place, name),
  TargetKeyId: keyId,
  CreationDate: createdMs === undefined ? undefined : new Date(createdMs),
  LastUpdatedDate: updatedMs === undefined ? undefined : new Date(updatedMs),
})

function listAliases(place: KmsPlace, request: ListAliasesRequest): ListAliasesResponse {
  const keyId = request.KeyId === undefined ? undefined : findOwnKeyById(place, request.KeyId).id
  const aliases = [...place.state.aliases.values()].filter((alias) => keyId === undefined || alias.keyId === keyId)
  const { items, ...more } = pageOf(aliases, request, { size: 50, max: 100, idOf: ({ name }) => name })
  return { Aliases: items.map((alias) => toEntry(place, alias)), ...more }
}

export const aliasOperations = (place: KmsPlace): Operations => ({
  CreateAlias: operation<CreateAliasRequest>(['AliasName', 'TargetKeyId'], (input) => createAlias(place, input)),
  UpdateAlias: operation<UpdateAliasRequest>(['AliasName', 'TargetKeyId'], (input) => updateAlias(place, input)),
  DeleteAlias: operation<DeleteAliasRequest>(['AliasName'], (input) => deleteAlias(place, input)),
  ListAliases: operation<ListAliasesRequest>(['KeyId', 'Limit', 'Marker'], (input) => () => listAliases(place, input)),
})
