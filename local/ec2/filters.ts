/** Filters of the Describe operations: values of one filter are OR-ed, filters are AND-ed, `*` and `?` are wildcards (AWS facts A.4). */
import type { Filter } from '@aws-sdk/client-ec2'
import { AwsError } from '../wire/service.ts'
import { invalidValue } from './request.ts'

const VALUES_MAX = 200
const WILDCARD = /[*?\\]/

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

/** Whether a text is one of the values. Those without a wildcard, which are most, are looked up. */
function matcherOf(values: readonly string[]): (text: string) => boolean {
  const literals = new Set(values.filter((value) => !WILDCARD.test(value)))
  const patterns = values.filter((value) => WILDCARD.test(value)).map(patternOf)
  return (text) => literals.has(text) || patterns.some((pattern) => pattern.test(text))
}

const tagValues = ({ tags }: Tagged, name: string): FilterValue | FilterValue[] => {
  if (name === 'tag-key') return [...tags.keys()]
  if (name === 'tag-value') return [...tags.values()]
  return tags.get(name.slice('tag:'.length))
}

/** The values of a filter when all of them are meant letter for letter; else undefined. */
export const literalValues = ({ Values = [] }: Filter): readonly string[] | undefined =>
  Values.some((value) => WILDCARD.test(value)) ? undefined : Values

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
    const matches = matcherOf(Values)
    const passes = (value: FilterValue): boolean => value !== undefined && matches(String(value))
    return (resource: Resource): boolean => {
      const values = read ? read(resource) : tagValues(resource, Name)
      return Array.isArray(values) ? values.some(passes) : passes(values)
    }
  })
  return (resource) => tests.every((passes) => passes(resource))
}

type Path = string

/** The values at a dotted path of an answer, lists on the way being walked through. */
function valuesAt(value: unknown, path: readonly string[]): FilterValue[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value.flatMap((member) => valuesAt(member, path))
  const [name, ...rest] = path
  if (name !== undefined) return typeof value === 'object' ? valuesAt(Reflect.get(value, name), rest) : []
  if (value instanceof Date) return [value.toISOString()]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [value] : []
}

/**
 * Filters that ask for what the answer itself shows: name of the filter → path in the answer. An empty path is a documented
 * filter for something that nothing in this account ever has.
 */
export const shownBy = <Resource>(
  show: (resource: Resource) => object,
  paths: Readonly<Record<string, Path>>,
): FilterValues<Resource> =>
  Object.fromEntries(
    Object.entries(paths).map(([name, path]) => [
      name,
      (resource: Resource) => (path === '' ? undefined : valuesAt(show(resource), path.split('.'))),
    ]),
  )
