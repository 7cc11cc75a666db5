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
import { filterBy, literalValues } from './filters.ts'
import type { FilterValues } from './filters.ts'
import {
  ADDRESS,
  IMAGE,
  INSTANCE,
  INTERFACE,
  KEY_PAIR,
  REPLACE_ROOT_TASK,
  SECURITY_GROUP,
  SNAPSHOT,
  SPOT_REQUEST,
  SUBNET,
  VOLUME,
  VPC,
  find,
} from './ids.ts'
import { isId } from './id-formats.ts'
import type { ResourceKind } from './ids.ts'
import type { Account } from './model.ts'
import type { Resource } from './resource.ts'
import { pageOf } from './paging.ts'
import { invalidValue, operation, required } from './request.ts'

const TAGS_MAX = 50
const KEY_MAX = 128
const VALUE_MAX = 256
const RESOURCES_MAX = 1000

export type Tags = ReadonlyMap<string, string>

/** Tags in the shape of the API, for what has a list of them even when it is empty: network interfaces, key pairs, tasks. */
export const toTagSet = (tags: Tags): Tag[] => [...tags].map(([Key, Value]) => ({ Key, Value }))

/** Tags in the shape of the API; undefined where there are none, as EC2 leaves the element out of most descriptions. */
export const toTagList = (tags: Tags): Tag[] | undefined => (tags.size > 0 ? toTagSet(tags) : undefined)

/** Keys that AWS's own services set; they don't count, and nobody else may set or delete them. */
const isReserved = (key: string): boolean => key.toLowerCase().startsWith('aws:')

const reserved = (key: string): AwsError =>
  invalidValue(
    `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
  )

function checkTag(key: string, value: string): void {
  if (key === '')
    throw new AwsError('InvalidTagKey.Malformed', 'Tag key cannot be empty or null, and cannot start with aws:.')
  if (isReserved(key)) throw reserved(key)
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
  if ([...merged.keys()].filter((key) => !isReserved(key)).length > TAGS_MAX)
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

/** A collection of any kind. */
interface TaggedCollection extends ReadonlyMap<string, Resource> {
  retag(resource: Resource, tags: Tags): void
}

/** Everything that has tags, by kind. */
const taggedKinds = (account: Account): [ResourceKind, TaggedCollection][] => [
  [INSTANCE, account.instances],
  [VOLUME, account.volumes],
  [SNAPSHOT, account.snapshots],
  [IMAGE, account.images],
  [INTERFACE, account.interfaces],
  [ADDRESS, account.addresses],
  [VPC, account.vpcs],
  [SUBNET, account.subnets],
  [SECURITY_GROUP, account.securityGroups],
  [KEY_PAIR, account.keyPairs],
  [REPLACE_ROOT_TASK, account.rootTasks],
  [SPOT_REQUEST, account.spotRequests],
]

interface TaggedResource {
  readonly among: TaggedCollection
  readonly resource: Resource
}

/** @throws AwsError InvalidID, and the NotFound code of the kind */
function taggedResource(account: Account, id: string): TaggedResource {
  for (const [kind, among] of taggedKinds(account))
    if (isId(kind.prefix, id)) return { among, resource: find(kind, among, id) }
  throw new AwsError('InvalidID', `The ID '${id}' is not valid`)
}

function resourcesOf(account: Account, ids: readonly string[] | undefined): TaggedResource[] {
  const named = required(ids?.length ? ids : undefined, 'resourceIdSet')
  if (named.length > RESOURCES_MAX)
    throw invalidValue(`No more than ${RESOURCES_MAX} resources can be named in one request.`)
  return named.map((id) => taggedResource(account, id))
}

function createTags(account: Account, { Resources, Tags }: CreateTagsRequest): object {
  const resources = resourcesOf(account, Resources)
  const added = required(Tags?.length ? Tags : undefined, 'tagSet')
  // All resources are checked before the first is changed.
  const merged = resources.map(({ resource }) => mergeTags(resource.tags, added))
  for (const [index, { among, resource }] of resources.entries()) among.retag(resource, merged[index] ?? new Map())
  return {}
}

/** A tag given with a value goes only if it has that value; with none, whatever its value; without any tag, all go. */
function deleteTags(account: Account, { Resources, Tags: named = [] }: DeleteTagsRequest): object {
  for (const { Key = '' } of named) if (isReserved(Key)) throw reserved(Key)
  for (const { among, resource } of resourcesOf(account, Resources)) {
    const goes = ([key, value]: [string, string]): boolean =>
      named.length === 0
        ? !isReserved(key)
        : named.some(({ Key, Value }) => Key === key && (Value === undefined || Value === value))
    among.retag(resource, new Map([...resource.tags].filter((tag) => !goes(tag))))
  }
  return {}
}

/** As AWS's own services tag: reserved keys are theirs. */
export function setHostTags(account: Account, id: string, tags: Readonly<Record<string, string>>): void {
  const { among, resource } = taggedResource(account, id)
  among.retag(resource, new Map([...resource.tags, ...Object.entries(tags)]))
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

/** Kinds follow each other; so that pages go on, each has places of its own in the order. */
const KIND_ORDERS = 2 ** 46

/** Of these resources alone where ids are given. */
function* tagRows(account: Account, ids: readonly string[] | undefined): Generator<TagRow> {
  for (const [index, [{ type }, among]] of taggedKinds(account).entries()) {
    const resources = ids
      ? ids.flatMap((id) => among.get(id) ?? []).sort((left, right) => left.order - right.order)
      : among.values()
    for (const { id, order, tags } of resources)
      for (const [place, [key, value]] of [...tags].entries())
        yield {
          order: index * KIND_ORDERS + order * 2 * TAGS_MAX + place,
          resourceId: id,
          type,
          key,
          value,
          tags: new Map([[key, value]]),
        }
  }
}

function describeTags(account: Account, request: DescribeTagsRequest): DescribeTagsResult {
  const named = request.Filters?.find(({ Name }) => Name === 'resource-id')
  const ids = named && literalValues(named)
  const page = pageOf(tagRows(account, ids), request, filterBy(request.Filters, TAG_FILTERS))
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
