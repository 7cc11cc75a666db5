import type { PointIn, PointRecord } from '../contracts/records.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'

/**
 * The complete point that a request means: the one it names, or the machine's latest. Throws PointNotFound,
 * PointOfAnotherMachine, PointNotComplete.
 */
export async function chosenPoint(
  catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint'>,
  machine: string,
  wanted: string | undefined,
): Promise<PointIn<'complete'>> {
  const list = `List its points with: tandem points ${machine}`
  if (wanted === undefined) {
    const latest = await catalog.latestCompletePoint(machine)
    if (!latest) throw new TandemError('PointNotFound', `${machine} has no complete point yet. ${list}`)
    return latest
  }
  const point = await named(catalog, machine, wanted, list)
  if (point.state !== 'complete')
    throw new TandemError(
      'PointNotComplete',
      `Point ${wanted} of ${machine} is ${point.state}${point.state === 'failed' ? ` (${point.failure.error})` : ''}: only a complete point can be used. ${list}`,
    )
  return point
}

async function named(
  catalog: Pick<Catalog, 'point' | 'pointById'>,
  machine: string,
  wanted: string,
  list: string,
): Promise<PointRecord> {
  const point = await catalog.point(machine, wanted)
  if (point) return point
  const elsewhere = await catalog.pointById(wanted)
  if (elsewhere)
    throw new TandemError(
      'PointOfAnotherMachine',
      `Point ${wanted} is of ${elsewhere.machine}, not of ${machine}. ${list}`,
    )
  throw new TandemError('PointNotFound', `There is no point ${wanted}. ${list}`)
}
