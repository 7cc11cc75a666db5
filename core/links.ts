import type { CopyRecord } from './contracts/copy-records.ts'
import type { PointRecord } from './contracts/records.ts'
import { isInVault } from './record-states.ts'

/** A row of FIG. 7. */
export interface Link {
  readonly machine: string
  /** `/data`, several joined by a comma, or `-` when the guest did not tell. */
  readonly mountPoint: string
  /** `/dev/sdf (vol-…)`. */
  readonly disk: string
  /** `-` until the point is captured. */
  readonly snapshot: string
  /** Vaults that hold the disk's data too, or are about to; `-` when none. */
  readonly otherCopies: string
}

/** The links of a point, root disk first; disks that no point holds follow, with the reason. */
export function linksOf(point: PointRecord, copies: readonly CopyRecord[] = []): Link[] {
  const { machine } = point
  const otherCopies = copiesInWords(point, copies) || '-'
  const members = point.members.map((member): Link => ({
    machine,
    mountPoint: member.mountPoints?.join(', ') || '-',
    disk: `${member.device} (${member.volume})`,
    snapshot: 'snapshot' in member ? member.snapshot : '-',
    otherCopies,
  }))
  const unprotected = point.unprotected.map(({ device, volume, reason }): Link => ({
    machine,
    mountPoint: '-',
    disk: volume ? `${device} (${volume})` : device,
    snapshot: `not protected: ${reason}`,
    otherCopies: '-',
  }))
  return [...members, ...unprotected]
}

/** `main, offsite (under way)`: a point is copied whole or not at all. Empty when nowhere. */
export const copiesInWords = ({ point }: PointRecord, copies: readonly CopyRecord[]): string =>
  copies
    .filter((copy) => copy.point === point && isInVault(copy))
    .map(({ vault, state }) => (state === 'copying' ? `${vault} (under way)` : vault))
    .toSorted()
    .join(', ')

/** Bytes that a point's disks have, in GiB: what a revert makes anew. */
export const sizeGiBOf = (point: PointRecord): number =>
  point.members.reduce((sum, { specification }) => sum + specification.sizeGiB, 0)
