import type { PointRecord, RevertRecord } from '../contracts/records.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'

/** The record that an earlier state of the same run wrote; without it something is wrong with us. */
export async function requirePoint(
  catalog: Pick<Catalog, 'point'>,
  machine: string,
  point: string,
): Promise<PointRecord> {
  const found = await catalog.point(machine, point)
  if (!found)
    throw new TandemError('ContractBroken', `Point ${point} of ${machine} was reserved, but is not in the catalog.`)
  return found
}

export async function requireRevert(
  catalog: Pick<Catalog, 'revert'>,
  machine: string,
  revert: string,
): Promise<RevertRecord> {
  const found = await catalog.revert(machine, revert)
  if (!found)
    throw new TandemError('ContractBroken', `Revert ${revert} of ${machine} was planned, but is not in the catalog.`)
  return found
}
