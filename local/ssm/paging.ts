import { AwsError } from '../wire/service.ts'
import { invalidValue } from './refusals.ts'

interface PageRequest {
  readonly MaxResults?: number | undefined
  readonly NextToken?: string | undefined
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Absent on the last page. */
  readonly nextToken?: string
}

/** The largest page that SSM's lists answer, and what they answer when not told. */
const LARGEST_PAGE = 50
const TOKEN_PREFIX = 'offset:'

/** One page of a list. A token says where the next page starts; it stays good while items are only added behind it. */
export function pageOf<Item>(all: readonly Item[], request: PageRequest, smallestPage: number): Page<Item> {
  const size = request.MaxResults ?? LARGEST_PAGE
  if (size < smallestPage)
    throw invalidValue('maxResults', size, `Member must have value greater than or equal to ${smallestPage}`)
  if (size > LARGEST_PAGE)
    throw invalidValue('maxResults', size, `Member must have value less than or equal to ${LARGEST_PAGE}`)
  const start = request.NextToken === undefined ? 0 : startIn(request.NextToken)
  const end = start + size
  const items = all.slice(start, end)
  return end < all.length ? { items, nextToken: Buffer.from(`${TOKEN_PREFIX}${end}`).toString('base64') } : { items }
}

function startIn(token: string): number {
  const text = Buffer.from(token, 'base64').toString('latin1')
  const start = Number(text.slice(TOKEN_PREFIX.length))
  if (!text.startsWith(TOKEN_PREFIX) || !Number.isSafeInteger(start) || start < 1)
    throw new AwsError('InvalidNextToken', 'The specified token is not valid.')
  return start
}
