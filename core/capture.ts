import type { Disk, PointIn } from './contracts/records.ts'
import { TandemError } from './errors.ts'
import { MINUTE_MS } from './instants.ts'
import type { ObservedMachine, ObservedSnapshot } from './ports.ts'
import { attachmentsInPlace } from './inspection.ts'

/** Within this time after a creation, "not found" does not mean that it is not there (AWS facts A.19). */
export const VISIBILITY_LIMIT_MS = 5 * MINUTE_MS

/** When EC2 or EBS was last asked for the snapshots of a point. */
export const snapshotsAskedAt = ({ capturedAt, recovery }: PointIn<'captured' | 'complete'>): string =>
  recovery?.snapshotsAskedAt ?? capturedAt

/**
 * Nothing may have been attached, detached or exchanged since the point was reserved: a point of other disks than it
 * names would be worse than none. Throws DiskLayoutChanged.
 */
export function refuseChangedLayout(point: PointIn<'reserved' | 'capturing'>, observed: ObservedMachine): void {
  const inPlace = attachmentsInPlace(observed)
  const known = new Set([...point.members, ...point.unprotected].flatMap(({ volume }) => volume ?? []))
  const added = inPlace.filter(({ volume }) => !known.has(volume))
  const missing = point.members.filter(({ volume }) => !inPlace.some((attachment) => attachment.volume === volume))
  if (added.length + missing.length === 0) return
  throw layoutChanged(
    point.machine,
    added.map(({ device, volume }) => `${volume} at ${device} was attached`),
    missing.map(({ device, volume }) => `${volume} at ${device} was detached`),
  )
}

const layoutChanged = (machine: string, ...changes: string[][]): TandemError =>
  new TandemError(
    'DiskLayoutChanged',
    `The disks of ${machine} changed while it was being protected: ${changes.flat().join(', ')}. Run it again when nobody is working on them.`,
  )

/** What CreateSnapshots leaves out, so that the set is exactly the point's members. */
export function exclusions(point: PointIn<'reserved' | 'capturing'>): { volumes: string[]; boot: boolean } {
  const excluded = point.unprotected.filter(({ reason }) => reason === 'excluded-by-tag')
  const { rootDevice } = point.configuration
  return {
    volumes: excluded.filter(({ device }) => device !== rootDevice).flatMap(({ volume }) => volume ?? []),
    boot: excluded.some(({ device }) => device === rootDevice),
  }
}

/**
 * Each member with its snapshot, and the instant they share. Throws DiskLayoutChanged when the set is not exactly the members,
 * SnapshotFailed when its instants differ.
 */
export function matchMembers(
  point: { readonly point: string; readonly machine: string; readonly members: readonly Disk[] },
  snapshots: readonly ObservedSnapshot[],
): { members: PointIn<'captured'>['members']; capturedAt: string } {
  const foreign = snapshots.filter(({ volume }) => !point.members.some((member) => member.volume === volume))
  const missing = point.members.filter(({ volume }) => !snapshots.some((snapshot) => snapshot.volume === volume))
  if (foreign.length + missing.length > 0)
    throw layoutChanged(
      point.machine,
      foreign.map(({ volume }) => `${volume} was captured, but is not of the point`),
      missing.map(({ volume, device }) => `${volume} at ${device} was not captured`),
    )
  const capturedAt = snapshots[0]?.startedAt ?? ''
  if (snapshots.some(({ startedAt }) => startedAt !== capturedAt))
    throw new TandemError(
      'SnapshotFailed',
      `The snapshots of point ${point.point} are not of one instant: ${snapshots.map(({ snapshot, startedAt }) => `${snapshot} ${startedAt}`).join(', ')}. The point is given up.`,
    )
  const members = point.members.map((member) => ({
    ...member,
    snapshot: snapshots.find(({ volume }) => volume === member.volume)?.snapshot ?? '',
  }))
  return { members, capturedAt }
}

/** Throws NotVisibleYet, SnapshotFailed; returns when every member is completed and of one instant (invariant 1). */
export function requireComplete(point: PointIn<'captured' | 'complete'>, snapshots: readonly ObservedSnapshot[]): void {
  for (const { snapshot, device } of point.members) {
    const found = snapshots.find((candidate) => candidate.snapshot === snapshot)
    const subject = `${snapshot} (${device} of ${point.machine})`
    if (!found)
      throw new TandemError('NotVisibleYet', `${subject} is not shown by EC2. If it was deleted, the point is lost.`)
    if (found.state === 'pending') throw new TandemError('NotVisibleYet', `${subject} is not complete yet.`)
    if (found.state !== 'completed')
      throw new TandemError(
        'SnapshotFailed',
        `${subject} is ${found.state}: ${found.stateMessage ?? 'EC2 gives no reason'}.`,
      )
  }
  // What is written back from a vault is of one instant by the point's manifest; its snapshots name no volume.
  if (!point.recovery) matchMembers(point, snapshots)
}
