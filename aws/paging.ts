import type { Filter } from '@aws-sdk/client-ec2'
import type { Tags } from '../core/tags.ts'

/** The limit of values in one EC2 filter (AWS facts L.12). */
const FILTER_VALUES_LIMIT = 200

/** What carries all these tags. */
export const tagFilters = (tags: Tags): Filter[] =>
  Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] }))

/** All ids with one filter each: asking by id fails as a whole when one of them is gone, a filter leaves it out. */
export function* filterChunks(ids: readonly string[]): Iterable<string[]> {
  for (let at = 0; at < ids.length; at += FILTER_VALUES_LIMIT) yield ids.slice(at, at + FILTER_VALUES_LIMIT)
}

/** Everything of a paged answer. */
export async function collect<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => readonly Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = []
  for await (const page of pages) items.push(...(itemsOf(page) ?? []))
  return items
}

/** One page is enough for every machine; a page of a fleet is this long. */
export const PAGE_SIZE = 200
