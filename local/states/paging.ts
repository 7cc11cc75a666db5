import { AwsError } from '../wire/service.ts'

interface Page<Item> {
  readonly items: Item[]
  readonly nextToken: string | undefined
}

/**
 * One page of a list. `subject` is what is listed: a token is good for the same list only, as with AWS. Throws InvalidToken,
 * and ValidationException for a `maxResults` that is not 0 (which means 100) to 1,000.
 */
export function pageOf<Item>(
  items: readonly Item[],
  subject: string,
  { maxResults = 0, nextToken }: { maxResults?: number | undefined; nextToken?: string | undefined },
): Page<Item> {
  if (maxResults < 0 || maxResults > 1000)
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${maxResults}' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000`,
    )
  const start = nextToken === undefined ? 0 : startOf(nextToken, subject)
  const end = start + (maxResults || 100)
  const more = end < items.length
  return {
    items: items.slice(start, end),
    nextToken: more ? Buffer.from(JSON.stringify([subject, end])).toString('base64') : undefined,
  }
}

function startOf(token: string, subject: string): number {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64').toString())
    if (Array.isArray(parsed) && parsed[0] === subject && typeof parsed[1] === 'number') return parsed[1]
  } catch {
    // Not one of ours: refused below.
  }
  throw new AwsError('InvalidToken', "Invalid Token: 'Invalid token'")
}
