/** Tags of keys. */
import type {
  ListResourceTagsRequest,
  ListResourceTagsResponse,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-kms'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { checkNotPendingDeletion, customerKey, findOwnKeyById } from './lookup.ts'
import type { KmsPlace } from './model.ts'
import { operation, pageOf, required } from './request.ts'

const TAGS_MAX = 50
const KEY_MAX = 128
const VALUE_MAX = 256

/** @throws AwsError TagException, LimitExceededException */
export function mergeTags(present: ReadonlyMap<string, string>, added: readonly Tag[]): Map<string, string> {
  const merged = new Map(present)
  const keys = new Set<string>()
  for (const { TagKey = '', TagValue = '' } of added) {
    if (TagKey === '' || TagKey.length > KEY_MAX || TagValue.length > VALUE_MAX)
      throw new AwsError('TagException', `The tag '${TagKey}' has a key or a value of a length that is not allowed.`)
    if (TagKey.toLowerCase().startsWith('aws:'))
      throw new AwsError('TagException', `The tag key '${TagKey}' starts with aws:, which is reserved.`)
    if (keys.has(TagKey)) throw new AwsError('TagException', `Duplicate tag keys: ${TagKey}`)
    keys.add(TagKey)
    merged.set(TagKey, TagValue)
  }
  if (merged.size > TAGS_MAX) throw new AwsError('LimitExceededException', `A key has ${TAGS_MAX} tags at most.`)
  return merged
}

function tagResource(place: KmsPlace, request: TagResourceRequest): () => object {
  const { tags } = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  const merged = mergeTags(tags, required(request.Tags, 'tags'))
  return () => {
    for (const [key, value] of merged) tags.set(key, value)
    return {}
  }
}

function untagResource(place: KmsPlace, request: UntagResourceRequest): () => object {
  const { tags } = checkNotPendingDeletion(customerKey(findOwnKeyById(place, required(request.KeyId, 'keyId'))))
  const removed = required(request.TagKeys, 'tagKeys')
  return () => {
    for (const key of removed) tags.delete(key)
    return {}
  }
}

function listResourceTags(place: KmsPlace, request: ListResourceTagsRequest): ListResourceTagsResponse {
  const { tags } = findOwnKeyById(place, required(request.KeyId, 'keyId'))
  const { items, ...more } = pageOf([...tags], request, { size: 50, max: 50, idOf: ([key]) => key })
  return { Tags: items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...more }
}

export const tagOperations = (place: KmsPlace): Operations => ({
  TagResource: operation<TagResourceRequest>(['KeyId', 'Tags'], (input) => tagResource(place, input)),
  UntagResource: operation<UntagResourceRequest>(['KeyId', 'TagKeys'], (input) => untagResource(place, input)),
  ListResourceTags: operation<ListResourceTagsRequest>(
    ['KeyId', 'Limit', 'Marker'],
    (input) => () => listResourceTags(place, input),
  ),
})
