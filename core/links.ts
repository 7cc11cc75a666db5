import type { PointRecord } from './contracts/records.ts'

/** A row of FIG. 7. */
export interface Link {
  readonly machine: string
  /** `/data`, several joined by a comma, or `-` when the guest did not tell. */
  readonly mountPoint: string
  /** `/dev/sdf (vol-…)`. */
  readonly disk: string
  /** `-` until the point is captured. */
  readonly snapshot: string
  /** Where else the disk's data is; `-` when nowhere. */
  readonly otherCopies: string
}

/** The links of a point, root disk first; disks that no point holds follow, with the reason. */
export function linksOf(point: PointRecord): Link[] {
  const { machine } = point
  const members = point.members.map((member): Link => ({
    machine,
    mountPoint: member.mountPoints?.join(', ') || '-',
    disk: `${member.device} (${member.volume})`,
    snapshot: 'snapshot' in member ? member.snapshot : '-',
    otherCopies: '-',
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

/** Bytes that a point's disks have, in GiB: what a revert makes anew. */
export const sizeGiBOf = (point: PointRecord): number =>
  point.members.reduce((sum, { specification }) => sum + specification.sizeGiB, 0)
