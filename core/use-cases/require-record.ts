import type { CopyRecord } from '../contracts/copy-records.ts'
import type { PointIn, PointRecord, RevertRecord } from '../contracts/records.ts'
import type { Recovery } from '../contracts/recovery.ts'
import type { Copies } from '../copy-ports.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'
import { isCaptured } from '../record-states.ts'

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

/** The point that is copied: complete when the copy was planned, and points do not go back. */
export async function requireCompletePoint(
  catalog: Pick<Catalog, 'point'>,
  machine: string,
  id: string,
): Promise<PointIn<'complete'>> {
  const point = await requirePoint(catalog, machine, id)
  if (point.state === 'complete') return point
  throw new TandemError('PointNotComplete', `Point ${id} of ${machine} is ${point.state}: it cannot be copied.`)
}

export async function requireCopy(
  copies: Pick<Copies, 'copy'>,
  { machine, point, vault }: { readonly machine: string; readonly point: string; readonly vault: string },
): Promise<CopyRecord> {
  const copy = await copies.copy(machine, { point, vault })
  if (copy) return copy
  throw new TandemError(
    'ContractBroken',
    `The copy of ${point} to vault ${vault} was planned, but is not in the catalog.`,
  )
}

export type RecoveredPoint = PointRecord & { readonly recovery: Recovery }

/** A point that is being written back from a vault. */
export async function requireRecovery(
  catalog: Pick<Catalog, 'point'>,
  { machine, point: id }: { readonly machine: string; readonly point: string },
): Promise<RecoveredPoint> {
  const point = await requirePoint(catalog, machine, id)
  const { recovery } = point
  if (recovery) return { ...point, recovery }
  throw new TandemError('ContractBroken', `Point ${id} of ${machine} is not one that is recovered from a vault.`)
}

/** As `requireRecovery`, once each of its disks has a snapshot. Throws LostRace when the point was given up meanwhile. */
export async function requireSnapshots(
  catalog: Pick<Catalog, 'point'>,
  subject: { readonly machine: string; readonly point: string },
): Promise<PointIn<'captured' | 'complete'> & { readonly recovery: Recovery }> {
  const point = await requireRecovery(catalog, subject)
  if (isCaptured(point)) return point
  throw new TandemError('LostRace', `Point ${point.point} is ${point.state}: there are no snapshots to write to.`)
}
