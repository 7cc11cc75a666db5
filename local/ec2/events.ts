/** Events of EC2 and EBS as EventBridge carries them (AWS facts A.18). */
import type { Account } from './model.ts'
import type { Instance } from './instances/model.ts'
import type { Snapshot } from './snapshots/model.ts'
import type { Volume } from './volumes/model.ts'

/** The ARNs in EBS notifications are odd: the Region stands in the account's place (AWS facts A.18). */
const oddArn = ({ region }: Account, type: 'snapshot' | 'volume', id: string): string =>
  `arn:aws:ec2::${region}:${type}/${id}`

const wholeSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

export function emitInstanceState(account: Account, instance: Instance): void {
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EC2 Instance State-change Notification',
    resources: [`arn:aws:ec2:${account.region}:${account.accountId}:instance/${instance.id}`],
    detail: { 'instance-id': instance.id, state: instance.state },
  })
}

/** Two minutes before a spot instance goes (AWS facts A.17). */
export function emitSpotWarning(account: Account, { id, zone }: Instance): void {
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EC2 Spot Instance Interruption Warning',
    resources: [`arn:aws:ec2:${zone.name}:instance/${id}`],
    detail: { 'instance-id': id, 'instance-action': 'terminate' },
  })
}

export function emitVolumeNotification(
  account: Account,
  volume: Volume,
  event: 'createVolume' | 'deleteVolume' | 'modifyVolume' | 'initializeVolume' | 'attachVolume' | 'reattachVolume',
  result: 'available' | 'failed' | 'deleted' | 'optimizing' | 'completed' | 'succeeded',
  cause = '',
): void {
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Volume Notification',
    resources: [`arn:aws:ec2:${account.region}:${account.accountId}:volume/${volume.id}`],
    detail: { result, cause, event, 'request-id': '' },
  })
}

/** What a snapshot was made of: a volume of this Region, or a snapshot that may be elsewhere. */
function sourceArn(account: Account, { copyOf, volumeId }: Snapshot): string {
  if (!copyOf) return oddArn(account, 'volume', volumeId)
  return `arn:aws:ec2::${copyOf.region}:snapshot/${copyOf.snapshotId}`
}

function notify(account: Account, snapshot: Snapshot, detail: Readonly<Record<string, unknown>>): void {
  const arn = oddArn(account, 'snapshot', snapshot.id)
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Snapshot Notification',
    resources: [arn],
    detail: { ...detail, 'request-id': '', snapshot_id: arn },
  })
}

/** The end of a snapshot, or of a copy, which has three details more. */
export function emitSnapshotNotification(account: Account, snapshot: Snapshot, cause = ''): void {
  const { copyOf } = snapshot
  notify(account, snapshot, {
    event: copyOf ? 'copySnapshot' : 'createSnapshot',
    result: snapshot.state === 'completed' ? 'succeeded' : 'failed',
    cause,
    source: sourceArn(account, snapshot),
    startTime: wholeSeconds(snapshot.createdMs),
    endTime: wholeSeconds(account.clock.now()),
    ...(copyOf
      ? {
          incremental: String(copyOf.isIncremental),
          transferType: copyOf.timeBased === undefined ? 'standard' : 'time-based',
          ...(copyOf.timeBased === undefined ? {} : { completionDurationStartTime: wholeSeconds(snapshot.createdMs) }),
        }
      : {}),
  })
}

/** A time-based copy that takes longer than was asked for (AWS facts A.6, A.18). */
export function emitMissedDuration(account: Account, snapshot: Snapshot): void {
  const arn = oddArn(account, 'snapshot', snapshot.id)
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Copy Snapshot Missed Completion Duration',
    resources: [arn],
    detail: {
      event: 'copySnapshot',
      result: 'missed',
      cause: '',
      'request-id': '',
      snapshot_id: arn,
      source: sourceArn(account, snapshot),
      startTime: wholeSeconds(snapshot.createdMs),
      incremental: String(snapshot.copyOf?.isIncremental ?? false),
      transferType: 'time-based',
      completionDurationStartTime: wholeSeconds(snapshot.createdMs),
      missedCompletionDurationCause: 'The copy needs more throughput than is left of the quota.',
    },
  })
}

export function emitSnapshotShared(account: Account, snapshot: Snapshot): void {
  notify(account, snapshot, {
    event: 'shareSnapshot',
    result: 'succeeded',
    cause: '',
    source: sourceArn(account, snapshot),
    startTime: wholeSeconds(account.clock.now()),
    endTime: wholeSeconds(account.clock.now()),
  })
}

/** lockSnapshot, and the two ends of a lock (AWS facts A.8). */
export function emitLock(
  account: Account,
  snapshot: Snapshot,
  event: 'lockSnapshot' | 'cooloffperiodExpiry' | 'lockDurationExpiry',
): void {
  notify(account, snapshot, {
    event,
    result: 'succeeded',
    cause: '',
    source: sourceArn(account, snapshot),
    startTime: wholeSeconds(snapshot.lock?.createdMs ?? account.clock.now()),
    endTime: wholeSeconds(account.clock.now()),
  })
}

/** The end of a CreateSnapshots: once for the whole set. */
export function emitSetNotification(account: Account, set: readonly Snapshot[], cause = ''): void {
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Multi-Volume Snapshots Completion Status',
    resources: set.map(({ id }) => oddArn(account, 'snapshot', id)),
    detail: {
      event: 'createSnapshots',
      result: cause === '' ? 'succeeded' : 'failed',
      cause,
      'request-id': '',
      startTime: wholeSeconds(set[0]?.createdMs ?? account.clock.now()),
      endTime: wholeSeconds(account.clock.now()),
      snapshots: set.map((snapshot) => ({
        snapshot_id: oddArn(account, 'snapshot', snapshot.id),
        source: oddArn(account, 'volume', snapshot.volumeId),
        status: snapshot.state,
      })),
    },
  })
}
