/** DescribeSnapshots, and the two shapes of a snapshot in answers (AWS facts A.1, A.4). */
import type {
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  SnapshotInfo,
  Snapshot as SnapshotOutput,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../wire/service.ts'
import { asksForTags, filterBy } from './filters.ts'
import type { FilterValues } from './filters.ts'
import { SNAPSHOT, find } from './ids.ts'
import type { Account, Snapshot } from './model.ts'
import { pageOf } from './paging.ts'
import { operation } from './request.ts'
import { toTagList } from './tags.ts'

function progressOf({ clock }: Account, { state, createdMs, completesMs }: Snapshot): string {
  if (state === 'completed') return '100%'
  const done = (clock.now() - createdMs) / (completesMs - createdMs)
  return `${Math.min(99, Math.floor(done * 100))}%`
}

/** The member of an answer to CreateSnapshots: no key, no progress yet (AWS facts A.1). */
export const toSnapshotInfo = (account: Account, snapshot: Snapshot): SnapshotInfo => ({
  SnapshotId: snapshot.id,
  VolumeId: snapshot.volumeId,
  VolumeSize: snapshot.sizeGiB,
  State: snapshot.state,
  Progress: '',
  StartTime: new Date(snapshot.createdMs),
  OwnerId: account.accountId,
  Description: snapshot.description,
  Encrypted: snapshot.encryption !== undefined,
  SseType: snapshot.encryption ? 'sse-kms' : 'none',
  Tags: toTagList(snapshot.tags),
})

export const toSnapshotOutput = (account: Account, snapshot: Snapshot): SnapshotOutput => ({
  ...toSnapshotInfo(account, snapshot),
  Progress: progressOf(account, snapshot),
  KmsKeyId: snapshot.encryption?.kmsKeyId,
  DataEncryptionKeyId: snapshot.encryption?.dataKeyId,
  StorageTier: 'standard',
  TransferType: 'standard',
  FullSnapshotSizeInBytes: snapshot.state === 'completed' ? snapshot.fullBytes : undefined,
  CompletionTime: snapshot.state === 'completed' ? new Date(snapshot.completesMs) : undefined,
})

const filtersOf = (account: Account): FilterValues<Snapshot> => ({
  description: ({ description }) => description,
  encrypted: ({ encryption }) => encryption !== undefined,
  'owner-id': () => account.accountId,
  'owner-alias': () => undefined,
  progress: (snapshot) => progressOf(account, snapshot),
  'snapshot-id': ({ id }) => id,
  'start-time': ({ createdMs }) => new Date(createdMs).toISOString(),
  status: ({ state }) => state,
  'storage-tier': () => 'standard',
  'transfer-type': () => 'standard',
  'volume-id': ({ volumeId }) => volumeId,
  'volume-size': ({ sizeGiB }) => sizeGiB,
})

function describeSnapshots(account: Account, request: DescribeSnapshotsRequest): DescribeSnapshotsResult {
  const ids = request.SnapshotIds?.length ? [...new Set(request.SnapshotIds)] : undefined
  const passes = filterBy(request.Filters, filtersOf(account))
  const owners = request.OwnerIds ?? []
  const isOurs = owners.length === 0 || owners.some((owner) => owner === 'self' || owner === account.accountId)
  const searchable = account.clock.now() - (asksForTags(request.Filters) ? account.consistency.tagsMs : 0)
  const page = pageOf(
    ids ? ids.map((id) => find(SNAPSHOT, account.snapshots, id)) : account.snapshots.values(),
    request,
    (snapshot) => isOurs && account.snapshots.shows(snapshot) && snapshot.createdMs <= searchable && passes(snapshot),
    ids && 'snapshotSet',
  )
  return {
    Snapshots: page.items.map((snapshot) => toSnapshotOutput(account, snapshot)),
    NextToken: page.nextToken,
  }
}

export const snapshotDescriptions = (account: Account): Operations => ({
  DescribeSnapshots: operation<DescribeSnapshotsRequest>(
    ['SnapshotIds', 'OwnerIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeSnapshots(account, input),
  ),
})
