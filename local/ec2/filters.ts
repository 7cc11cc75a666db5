/** Filters of the Describe operations: values of one filter are OR-ed, filters are AND-ed, `*` and `?` are wildcards (AWS facts A.4). */
import type { Filter } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import { invalidValue } from './request.ts'

const VALUES_MAX = 200

/** What a resource has under the name of a filter: none, one or several values. */
export type FilterValues<Resource> = Readonly<Record<string, (resource: Resource) => FilterValue | FilterValue[]>>
type FilterValue = string | number | boolean | undefined

interface Tagged {
  readonly tags: ReadonlyMap<string, string>
}

const patternOf = (value: string): RegExp =>
  new RegExp(
    `^${value.replace(/\\?[\s\S]/g, (token) => {
      if (token === '*') return '[\\s\\S]*'
      if (token === '?') return '[\\s\\S]'
      return token.replace(/^\\(?=.)/, '').replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
    })}$`,
  )

const tagValues = ({ tags }: Tagged, name: string): FilterValue[] | undefined => {
  if (name === 'tag-key') return [...tags.keys()]
  if (name === 'tag-value') return [...tags.values()]
  if (name.startsWith('tag:')) return [tags.get(name.slice('tag:'.length))]
  return undefined
}

/** Whether any of these filters asks for tags, which become searchable late (AWS facts A.19). */
export const asksForTags = (filters: readonly Filter[] | undefined): boolean =>
  filters?.some(({ Name = '' }) => Name.startsWith('tag')) ?? false

/**
 * A predicate for the resources that pass all filters.
 * @throws AwsError InvalidParameterValue for a filter that is not known, FilterLimitExceeded
 */
export function filterBy<Resource extends Tagged>(
  filters: readonly Filter[] | undefined,
  known: FilterValues<Resource>,
): (resource: Resource) => boolean {
  if (!filters || filters.length === 0) return () => true
  if (filters.reduce((count, { Values = [] }) => count + Values.length, 0) > VALUES_MAX)
    throw new AwsError(
      'FilterLimitExceeded',
      `The maximum number of filter values specified on a single call is ${VALUES_MAX}`,
    )
  const tests = filters.map(({ Name = '', Values = [] }) => {
    const read = Object.hasOwn(known, Name) ? known[Name] : undefined
    if (!read && !/^tag(-key|-value|:.+)$/s.test(Name)) throw invalidValue(`The filter '${Name}' is invalid`)
    const patterns = Values.map(patternOf)
    return (resource: Resource): boolean => {
      const values = [read ? read(resource) : tagValues(resource, Name)].flat()
      return values.some((value) => value !== undefined && patterns.some((pattern) => pattern.test(String(value))))
    }
  })
  return (resource) => tests.every((passes) => passes(resource))
}
