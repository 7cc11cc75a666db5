/** Pages of lists that go on after a marker, as IAM and KMS give them. */
import type { AwsError } from './wire/service.ts'

const MARK = 'after '

interface MarkedPage<Item> {
  readonly page: readonly Item[]
  /** Absent on the last page. */
  readonly nextMarker?: string
}

/**
 * One page of `items` in the order of their ids. A marker holds the id of the last item shown, so that what is deleted meanwhile
 * makes nobody skip or repeat.
 * @throws AwsError `invalidMarker` for a marker that was never given out
 */
export function pageAfter<Item>(
  items: Iterable<Item>,
  idOf: (item: Item) => string,
  { marker, size }: { readonly marker: string | undefined; readonly size: number },
  invalidMarker: AwsError,
): MarkedPage<Item> {
  const mark = marker === undefined ? MARK : Buffer.from(marker, 'base64url').toString()
  if (!mark.startsWith(MARK)) throw invalidMarker
  const after = mark.slice(MARK.length)
  const left = [...items]
    .filter((item) => idOf(item) > after)
    .toSorted((one, other) => (idOf(one) < idOf(other) ? -1 : 1))
  const page = left.slice(0, size)
  const last = page.at(-1)
  return last !== undefined && page.length < left.length
    ? { page, nextMarker: Buffer.from(MARK + idOf(last)).toString('base64url') }
    : { page }
}
