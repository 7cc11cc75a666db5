/** Events of EC2 and EBS as EventBridge carries them (AWS facts A.18). */
import type { Account, Instance, Snapshot, Volume } from './model.ts'

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
  event: 'createVolume' | 'deleteVolume',
  result: 'available' | 'failed' | 'deleted',
  cause = '',
): void {
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Volume Notification',
    resources: [`arn:aws:ec2:${account.region}:${account.accountId}:volume/${volume.id}`],
    detail: { result, cause, event, 'request-id': '' },
  })
}

export function emitSnapshotNotification(account: Account, snapshot: Snapshot, cause = ''): void {
  const arn = oddArn(account, 'snapshot', snapshot.id)
  account.emit({
    source: 'aws.ec2',
    'detail-type': 'EBS Snapshot Notification',
    resources: [arn],
    detail: {
      event: 'createSnapshot',
      result: snapshot.state === 'completed' ? 'succeeded' : 'failed',
      cause,
      'request-id': '',
      snapshot_id: arn,
      source: oddArn(account, 'volume', snapshot.volumeId),
      startTime: wholeSeconds(snapshot.createdMs),
      endTime: wholeSeconds(account.clock.now()),
    },
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
