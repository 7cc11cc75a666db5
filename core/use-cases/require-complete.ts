import type { PointIn } from '../contracts/records.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'
import { requirePoint } from './require-record.ts'

/** The point that is copied: complete when the copy was planned, and points do not go back. */
export async function requireComplete(
  catalog: Pick<Catalog, 'point'>,
  machine: string,
  id: string,
): Promise<PointIn<'complete'>> {
  const point = await requirePoint(catalog, machine, id)
  if (point.state === 'complete') return point
  throw new TandemError('PointNotComplete', `Point ${id} of ${machine} is ${point.state}: it cannot be copied.`)
}
