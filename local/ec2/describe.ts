/** What all Describe operations have in common: ids, filters, pages, and being late (AWS facts A.4, A.19). */
import type { Filter } from '@aws-sdk/client-ec2'
import type { Collection } from './collection.ts'
import { dice } from './consistency.ts'
import { asksForTags, filterBy, literalValues } from './filters.ts'
import type { FilterValues } from './filters.ts'
import { findAll } from './ids.ts'
import type { ResourceKind } from './ids.ts'
import type { Account } from './model.ts'
import { pageOf, placeOf, tokenOf } from './paging.ts'
import type { Page, PageLimits, PageRequest } from './paging.ts'
import type { Resource as Item } from './resource.ts'
import { invalidValue } from './request.ts'

const IDS_MAX = 1000
/** An index is used when it leaves less than this part of all: sorting what it finds would else cost more than reading on. */
const INDEX_WORTH = 1 / 8

/** How one kind of resource is described. */
export interface Description<Resource extends Item> {
  readonly kind: ResourceKind
  readonly among: Collection<Resource>
  readonly filters: FilterValues<Resource>
  /** Name of the parameter of ids in messages. */
  readonly idsParameter: string
  readonly idsMax?: number
  readonly limits?: PageLimits
  /** Filters that an index answers: all resources that have this value. */
  readonly indexes?: Readonly<Record<string, (value: string) => Iterable<Resource>>>
}

interface DescribeRequest extends PageRequest {
  readonly Filters?: readonly Filter[]
}

/** The index of ids. */
export const byId =
  <Resource>(among: ReadonlyMap<string, Resource>) =>
  (id: string): Resource[] => {
    const found = among.get(id)
    return found === undefined ? [] : [found]
  }

type Indexed<Resource extends Item> = Pick<Description<Resource>, 'among' | 'indexes'>

function* indexed<Resource extends Item>(
  { among, indexes }: Indexed<Resource>,
  filter: Filter,
): Generator<Iterable<Resource>> {
  const values = literalValues(filter)
  const { Name = '' } = filter
  const index = indexes?.[Name]
  if (!values || (!index && !Name.startsWith('tag:'))) return
  for (const value of values) yield index ? index(value) : among.withTag(Name.slice('tag:'.length), value)
}

/** All resources that may pass the filters, in the order of creation: fewer than all where an index helps. */
export function candidates<Resource extends Item>(
  description: Indexed<Resource>,
  filters: readonly Filter[] = [],
): Iterable<Resource> {
  const { among } = description
  let fewest: Set<Resource> | undefined
  for (const filter of filters) {
    const found = [...indexed(description, filter)]
    if (found.length === 0) continue
    const union = new Set<Resource>()
    for (const resources of found) for (const resource of resources) union.add(resource)
    if (!fewest || union.size < fewest.size) fewest = union
  }
  if (!fewest || fewest.size > among.size * INDEX_WORTH) return among.values()
  return [...fewest].sort((left, right) => left.order - right.order)
}

/** Whether a new volume or snapshot can be found by these filters yet: by its tags it is found late (AWS facts A.19). */
export function searchable(account: Account, filters: DescribeRequest['Filters']): (resource: Item) => boolean {
  const untilMs = account.clock.now() - (asksForTags(filters) ? account.consistency.tagsMs : 0)
  return ({ createdMs }) => createdMs <= untilMs
}

/**
 * One page of the resources that a request is about.
 * @throws AwsError the kind's NotFound code, and what is wrong with filters and pages
 */
export function describe<Resource extends Item>(
  account: Account,
  description: Description<Resource>,
  request: DescribeRequest,
  ids: readonly string[] | undefined,
  alsoPasses: (resource: Resource) => boolean = () => true,
): Page<Resource> {
  const { among, kind, filters, idsParameter, idsMax = IDS_MAX, limits } = description
  const named = ids?.length ? [...new Set(ids)] : undefined
  if (named && named.length > idsMax)
    throw invalidValue(`No more than ${idsMax} ids can be given in ${idsParameter} of one request.`)
  const passes = filterBy(request.Filters, filters)
  const page = pageOf(
    named ? findAll(kind, among, named) : candidates(description, request.Filters),
    request,
    (resource) => alsoPasses(resource) && among.shows(resource) && passes(resource),
    named && idsParameter,
    limits,
  )
  return account.consistency.ragged && !named ? raggedly(account, page, request) : page
}

/** The same page as EC2 may give it: empty for now, or in another order. */
export function raggedly<Resource extends Pick<Item, 'id' | 'order'>>(
  { consistency: { seed } }: Account,
  page: Page<Resource>,
  { NextToken }: PageRequest,
): Page<Resource> {
  const { after, wasEmpty } = placeOf(NextToken)
  if (!wasEmpty && page.items.length > 0 && dice(`${seed}/empty/${after}`, 3) === 0)
    return { items: [], nextToken: tokenOf({ after, wasEmpty: true }) }
  const place = ({ id }: Resource): number => dice(`${seed}/order/${id}`, 2 ** 32)
  return { ...page, items: page.items.toSorted((left, right) => place(left) - place(right)) }
}
