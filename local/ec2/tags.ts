/** Tags of EC2 resources: their limits, CreateTags, DeleteTags, DescribeTags. */
import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  ResourceType,
  Tag,
  TagSpecification,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { filterBy } from './filters.ts'
import type { FilterValues } from './filters.ts'
import { IMAGE, INSTANCE, SNAPSHOT, VOLUME, find } from './ids.ts'
import type { Account } from './model.ts'
import { pageOf } from './paging.ts'
import { invalidValue, operation, required } from './request.ts'

const TAGS_MAX = 50
const KEY_MAX = 128
const VALUE_MAX = 256

export type Tags = ReadonlyMap<string, string>

/** Tags in the shape of the API; undefined where there are none, as EC2 leaves the element out. */
export const toTagList = (tags: Tags): Tag[] => [...tags].map(([Key, Value]) => ({ Key, Value }))

function checkTag(key: string, value: string): void {
  if (key === '')
    throw new AwsError('InvalidTagKey.Malformed', 'Tag key cannot be empty or null, and cannot start with aws:.')
  if (key.toLowerCase().startsWith('aws:'))
    throw invalidValue(
      `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
    )
  if (key.length > KEY_MAX) throw invalidValue(`Tag key exceeds the maximum length of ${KEY_MAX} characters: '${key}'`)
  if (value.length > VALUE_MAX)
    throw invalidValue(`Tag value exceeds the maximum length of ${VALUE_MAX} characters: '${value}'`)
}

/** The given tags added to those that are there. @throws AwsError InvalidParameterValue, TagLimitExceeded */
export function mergeTags(present: Tags, added: readonly Tag[]): Map<string, string> {
  const merged = new Map(present)
  const keys = new Set<string>()
  for (const { Key = '', Value = '' } of added) {
    checkTag(Key, Value)
    if (keys.has(Key)) throw invalidValue(`Duplicate tag key '${Key}' specified.`)
    keys.add(Key)
    merged.set(Key, Value)
  }
  if (merged.size > TAGS_MAX)
    throw new AwsError('TagLimitExceeded', `The maximum number of ${TAGS_MAX} Tags for a resource has been reached.`)
  return merged
}

/** The tags that a request wants on what it makes, by type of resource. */
export function tagsOnCreation<Type extends ResourceType>(
  specifications: readonly TagSpecification[] | undefined,
  types: readonly Type[],
): Readonly<Record<Type, readonly Tag[]>> {
  const tags = new Map<string, readonly Tag[]>()
  for (const { ResourceType: type = '', Tags = [] } of specifications ?? []) {
    if (!types.some((known) => known === type))
      throw invalidValue(`'${type}' is not a valid taggable resource type for this operation.`)
    if (tags.has(type)) throw invalidValue(`Duplicate tag specification for resource type '${type}'.`)
    mergeTags(new Map(), Tags)
    tags.set(type, Tags)
  }
  return Object.fromEntries(types.map((type) => [type, tags.get(type) ?? []])) as Record<Type, readonly Tag[]>
}

function taggedResource(account: Account, id: string): { readonly tags: Map<string, string> } {
  if (id.startsWith('i-')) return find(INSTANCE, account.instances, id)
  if (id.startsWith('vol-')) return find(VOLUME, account.volumes, id)
  if (id.startsWith('snap-')) return find(SNAPSHOT, account.snapshots, id)
  if (id.startsWith('ami-')) {
    find(IMAGE, account.images, id)
    throw new AwsError('UnsupportedOperation', 'Tags of images are not supported by this account.')
  }
  throw new AwsError('InvalidID', `The ID '${id}' is not valid`)
}

const resourcesOf = (account: Account, ids: readonly string[] | undefined): { tags: Map<string, string> }[] =>
  required(ids?.length ? ids : undefined, 'resourceIdSet').map((id) => taggedResource(account, id))

function createTags(account: Account, { Resources, Tags }: CreateTagsRequest): object {
  const resources = resourcesOf(account, Resources)
  const added = required(Tags?.length ? Tags : undefined, 'tagSet')
  // All resources are checked before the first is changed.
  const merged = resources.map(({ tags }) => mergeTags(tags, added))
  for (const [index, { tags }] of resources.entries())
    for (const [key, value] of merged[index] ?? []) tags.set(key, value)
  return {}
}

/** A tag given with a value goes only if it has that value; with none, whatever its value; without any tag, all go. */
function deleteTags(account: Account, { Resources, Tags }: DeleteTagsRequest): object {
  for (const { tags } of resourcesOf(account, Resources)) {
    if (!Tags || Tags.length === 0) tags.clear()
    for (const { Key = '', Value } of Tags ?? []) if (Value === undefined || tags.get(Key) === Value) tags.delete(Key)
  }
  return {}
}

interface TagRow {
  readonly order: number
  readonly resourceId: string
  readonly type: ResourceType
  readonly key: string
  readonly value: string
  readonly tags: Tags
}

const TAG_FILTERS: FilterValues<TagRow> = {
  key: ({ key }) => key,
  value: ({ value }) => value,
  'resource-id': ({ resourceId }) => resourceId,
  'resource-type': ({ type }) => type,
}

function* tagRows(account: Account): Generator<TagRow> {
  const resources = [
    ...[...account.instances.values()].map((instance) => ({ ...instance, type: INSTANCE.type })),
    ...[...account.volumes.values()].map((volume) => ({ ...volume, type: VOLUME.type })),
    ...[...account.snapshots.values()].map((snapshot) => ({ ...snapshot, type: SNAPSHOT.type })),
  ].sort((left, right) => left.order - right.order)
  for (const { id, order, tags, type } of resources)
    for (const [index, [key, value]] of [...tags].entries())
      yield { order: order * TAGS_MAX + index, resourceId: id, type, key, value, tags: new Map([[key, value]]) }
}

function describeTags(account: Account, request: DescribeTagsRequest): DescribeTagsResult {
  const page = pageOf(tagRows(account), request, filterBy(request.Filters, TAG_FILTERS))
  return {
    Tags: page.items.map(({ resourceId, type, key, value }) => ({
      ResourceId: resourceId,
      ResourceType: type,
      Key: key,
      Value: value,
    })),
    NextToken: page.nextToken,
  }
}

export const tagOperations = (account: Account): Operations => ({
  CreateTags: operation<CreateTagsRequest>(['Resources', 'Tags'], (input) => createTags(account, input)),
  DeleteTags: operation<DeleteTagsRequest>(['Resources', 'Tags'], (input) => deleteTags(account, input)),
  DescribeTags: operation<DescribeTagsRequest>(['Filters', 'MaxResults', 'NextToken'], (input) =>
    describeTags(account, input),
  ),
})
