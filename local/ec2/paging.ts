/** Pages of the Describe operations (AWS facts A.19). */
import { createHash } from 'node:crypto'
import { AwsError } from '../wire/service.ts'
import { invalidValue } from './request.ts'

const PAGE_MAX = 1000
const PAGE_MIN = 5

export interface PageRequest {
  readonly MaxResults?: number
  readonly NextToken?: string
}

export interface Page<Item> {
  readonly items: Item[]
  readonly nextToken?: string
}

export interface PageLimits {
  readonly min: number
  readonly max: number
}

const USUAL: PageLimits = { min: PAGE_MIN, max: PAGE_MAX }

/** Where a list goes on: after which place in the order of creation, and whether an empty page was given there already. */
interface Place {
  readonly after: number
  readonly wasEmpty: boolean
}

const sealOf = (text: string): string => createHash('sha256').update(`page/${text}`).digest('hex').slice(0, 8)

/** What is deleted meanwhile makes nobody skip or repeat. The seal makes a token that somebody wrote himself no token. */
export function tokenOf({ after, wasEmpty }: Place): string {
  const text = `${wasEmpty ? 'again' : 'after'}:${after}`
  return Buffer.from(`${text}:${sealOf(text)}`).toString('base64url')
}

/** @throws AwsError InvalidPaginationToken */
export function placeOf(token: string | undefined): Place {
  if (!token) return { after: -1, wasEmpty: false }
  const [, text = '', kind, after, seal] =
    /^((after|again):(-?\d+)):([0-9a-f]{8})$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (seal === undefined || seal !== sealOf(text))
    throw new AwsError('InvalidPaginationToken', 'The specified pagination token is not valid or is expired.')
  return { after: Number(after), wasEmpty: kind === 'again' }
}

/** @throws AwsError InvalidParameterCombination, InvalidParameterValue */
export function checkPageSize({ MaxResults }: PageRequest, { min, max }: PageLimits, idsParameter?: string): void {
  if (MaxResults !== undefined && idsParameter)
    throw new AwsError(
      'InvalidParameterCombination',
      `The parameter ${idsParameter} cannot be used with the parameter maxResults`,
    )
  if (MaxResults !== undefined && (MaxResults < min || MaxResults > max))
    throw invalidValue(
      `Value ( ${MaxResults} ) for parameter maxResults is invalid. Expecting a value between ${min} and ${max}.`,
    )
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
  limits: PageLimits = USUAL,
): Page<Item> {
  checkPageSize(request, limits, idsParameter)
  const { after } = placeOf(request.NextToken)
  const size = idsParameter ? Infinity : (request.MaxResults ?? limits.max)
  const page: Item[] = []
  for (const item of items) {
    if (item.order <= after || !passes(item)) continue
    const last = page.at(-1)
    if (last && page.length >= size) return { items: page, nextToken: tokenOf({ after: last.order, wasEmpty: false }) }
    page.push(item)
  }
  return { items: page }
}
