import type { Disk, DiskSwap, PointIn, RevertIn, RevertRecord } from './contracts/records.ts'
import { TandemError } from './errors.ts'
import { attachmentsInPlace, isExcluded, ownersTags, policyOf, rootFirst } from './inspection.ts'
import type { Attachment, ObservedMachine, ObservedSnapshot, ObservedVolume } from './ports.ts'

/** What a preflight sees of a machine; everything is looked at before anything is changed. */
export interface Preflight {
  readonly observed: ObservedMachine
  /** The volumes of its attachments, and for an undo those that the revert replaced. */
  readonly volumes: readonly ObservedVolume[]
  readonly stopProtected: boolean
}

/**
 * Refuses a machine whose disks must not be swapped, whatever they would be swapped for. Throws MachineTerminated,
 * MachineNotOptedIn, MachineInAutoScalingGroup, StopProtected, MachineInTransition.
 */
export function refuseUnswappable({ observed, stopProtected }: Preflight): void {
  const { machine, power, tags } = observed
  policyOf(observed)
  const group = tags['aws:autoscaling:groupName']
  if (group)
    throw new TandemError(
      'MachineInAutoScalingGroup',
      `${machine} belongs to the Auto Scaling group ${group}, which would replace it when it stops. Put it on standby and detach it from the group first.`,
    )
  if (stopProtected)
    throw new TandemError(
      'StopProtected',
      `${machine} is protected against being stopped. Allow it with: aws ec2 modify-instance-attribute --instance-id ${machine} --no-disable-api-stop`,
    )
  if (power !== 'running' && power !== 'stopped')
    throw new TandemError('MachineInTransition', `${machine} is ${power}. It has to be running or stopped.`)
  const moving = observed.attachments.find(({ state }) => state !== 'attached')
  if (moving)
    throw new TandemError('DisksStillMoving', `${moving.volume} at ${moving.device} of ${machine} is ${moving.state}.`)
}

/** The swaps that put a machine back to a point. Throws DiskLayoutChanged, SharedDiskInPoint, SnapshotMissing, SnapshotFailed. */
export function swapsToPoint(
  { observed, volumes }: Preflight,
  point: PointIn<'complete'>,
  snapshots: readonly ObservedSnapshot[],
): DiskSwap[] {
  const swaps = point.members.map((member): DiskSwap => {
    const current = currentAt(observed, member, volumes)
    requireSnapshot(point, member, snapshots)
    return {
      device: member.device,
      role: member.role,
      outgoing: { volume: current.volume.volume, deleteOnTermination: current.attachment.deleteOnTermination },
      incoming: {
        deleteOnTermination: member.deleteOnTermination,
        from: {
          snapshot: member.snapshot,
          specification: { ...member.specification, tags: ownersTags(current.volume.specification.tags) },
        },
      },
    }
  })
  refuseUnknownDisks(observed, volumes, point.members, 'the point does not have')
  return swaps.toSorted(rootFirst)
}

function requireSnapshot(
  point: PointIn<'complete'>,
  { snapshot, device }: PointIn<'complete'>['members'][number],
  snapshots: readonly ObservedSnapshot[],
): void {
  const found = snapshots.find((candidate) => candidate.snapshot === snapshot)
  if (!found)
    throw new TandemError(
      'SnapshotMissing',
      `${snapshot} (${device}) of point ${point.point} does not exist any more, so the point cannot be used. Choose another with: tandem points ${point.machine}`,
    )
  if (found.state !== 'completed')
    throw new TandemError('SnapshotFailed', `${snapshot} (${device}) of point ${point.point} is ${found.state}.`)
}

function currentAt(
  observed: ObservedMachine,
  { device }: Pick<Disk, 'device'>,
  volumes: readonly ObservedVolume[],
): { attachment: Attachment; volume: ObservedVolume } {
  const { machine } = observed
  const attachment = attachmentsInPlace(observed).find((candidate) => candidate.device === device)
  if (!attachment)
    throw new TandemError(
      'DiskLayoutChanged',
      `${machine} has no disk at ${device} any more, but the point has one. Attach any volume there, or choose a later point.`,
    )
  const volume = volumes.find((candidate) => candidate.volume === attachment.volume)
  if (!volume) throw new TandemError('NotVisibleYet', `${attachment.volume} at ${device} of ${machine} is not shown.`)
  if (isExcluded(volume.specification.tags))
    throw new TandemError(
      'DiskLayoutChanged',
      `${volume.volume} at ${device} of ${machine} is excluded by its tag, but the point has a disk there. Remove the tag or choose a later point.`,
    )
  if (volume.specification.multiAttach)
    throw new TandemError(
      'SharedDiskInPoint',
      `${volume.volume} at ${device} of ${machine} is a Multi-Attach disk, which other machines may be using. It cannot be reverted with one of them alone.`,
    )
  return { attachment, volume }
}

/** A disk that is in scope now and not in the point would stay as it is: the machine would run with a mixture. */
function refuseUnknownDisks(
  observed: ObservedMachine,
  volumes: readonly ObservedVolume[],
  known: readonly { readonly device: string }[],
  reason: string,
): void {
  for (const { device, volume } of attachmentsInPlace(observed)) {
    if (known.some((disk) => disk.device === device)) continue
    const tags = volumes.find((candidate) => candidate.volume === volume)?.specification.tags ?? {}
    if (isExcluded(tags)) continue
    throw new TandemError(
      'DiskLayoutChanged',
      `${observed.machine} has a disk at ${device} (${volume}) that ${reason}. Detach it, exclude it with the tag tandem:exclude=true, or choose a later point.`,
    )
  }
}

/** The swaps that undo a revert: what it put in goes out, what it took out comes back. Throws NothingToUndo, DiskLayoutChanged. */
export function swapsToUndo({ observed, volumes }: Preflight, revert: RevertIn<'reverted'>): DiskSwap[] {
  const { machine } = observed
  refuseUnknownDisks(observed, volumes, revert.disks, `revert ${revert.revert} did not have`)
  return revert.disks.map((disk) => {
    const { attachment, volume: current } = currentAt(observed, disk, volumes)
    if (current.volume !== disk.incoming.volume)
      throw new TandemError(
        'DiskLayoutChanged',
        `${machine} has ${current.volume} at ${disk.device}, not the ${disk.incoming.volume} that ${revert.revert} put there, so that revert cannot be undone.`,
      )
    const kept = volumes.find(({ volume }) => volume === disk.outgoing.volume)
    if (kept?.state !== 'available')
      throw new TandemError(
        'NothingToUndo',
        `${disk.outgoing.volume}, which ${revert.revert} took out of ${disk.device} of ${machine}, is ${kept?.state ?? 'gone'}, so that revert cannot be undone.`,
      )
    return {
      device: disk.device,
      role: disk.role,
      outgoing: { volume: current.volume, deleteOnTermination: attachment.deleteOnTermination },
      incoming: { volume: disk.outgoing.volume, deleteOnTermination: disk.outgoing.deleteOnTermination },
    }
  })
}

/** The revert that an undo would undo: the latest, if it has not been undone and its disks are still kept. Throws NothingToUndo. */
export function revertToUndo(machine: string, newestFirst: readonly RevertRecord[], now: string): RevertIn<'reverted'> {
  const latest = newestFirst.find((record) => record.state === 'reverted')
  if (!latest) throw new TandemError('NothingToUndo', `${machine} was never reverted, so there is nothing to undo.`)
  if (latest.undoneBy)
    throw new TandemError('NothingToUndo', `The latest revert of ${machine}, ${latest.revert}, was undone already.`)
  if (latest.undoUntil < now)
    throw new TandemError(
      'NothingToUndo',
      `The latest revert of ${machine}, ${latest.revert}, could be undone until ${latest.undoUntil}; its disks are no longer kept.`,
    )
  return latest
}
