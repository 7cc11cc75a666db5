/** Pages of the Describe operations (AWS facts A.19). */
import { AwsError } from '../wire/service.ts'
import { invalidValue } from './request.ts'

const PAGE_MAX = 1000
const PAGE_MIN = 5

interface PageRequest {
  readonly MaxResults?: number
  readonly NextToken?: string
}

export interface Page<Item> {
  readonly items: Item[]
  readonly nextToken?: string
}

/** A token says after which place in the order of creation to go on: what is deleted meanwhile makes nobody skip or repeat. */
const tokenAfter = (order: number): string => Buffer.from(`after:${order}`).toString('base64url')

function placeOf(token: string | undefined): number {
  if (!token) return -1
  const match = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())
  if (!match) throw new AwsError('InvalidPaginationToken', 'The specified pagination token is not valid or is expired.')
  return Number(match[1])
}

/**
 * One page of the items that pass. `idsParameter` names the parameter of ids, if the request has any: with ids there are no pages.
 * @throws AwsError InvalidParameterCombination, InvalidParameterValue, InvalidPaginationToken
 */
export function pageOf<Item extends { readonly order: number }>(
  items: Iterable<Item>,
  request: PageRequest,
  passes: (item: Item) => boolean,
  idsParameter?: string,
): Page<Item> {
  const { MaxResults, NextToken } = request
  if (MaxResults !== undefined && idsParameter)
    throw new AwsError(
      'InvalidParameterCombination',
      `The parameter ${idsParameter} cannot be used with the parameter maxResults`,
    )
  if (MaxResults !== undefined && (MaxResults < PAGE_MIN || MaxResults > PAGE_MAX))
    throw invalidValue(
      `Value ( ${MaxResults} ) for parameter maxResults is invalid. Expecting a value between ${PAGE_MIN} and ${PAGE_MAX}.`,
    )
  const after = placeOf(NextToken)
  const size = idsParameter ? Infinity : (MaxResults ?? PAGE_MAX)
  const page: Item[] = []
  for (const item of items) {
    if (item.order <= after || !passes(item)) continue
    const last = page.at(-1)
    if (last && page.length >= size) return { items: page, nextToken: tokenAfter(last.order) }
    page.push(item)
  }
  return { items: page }
}
