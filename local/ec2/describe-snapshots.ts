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
import type { Account, Snapshot } from './model.ts'
import { pageOf } from './paging.ts'
import { operation } from './request.ts'
import { mayUse, sharedSnapshots, usableSnapshot } from './shares.ts'
import { toTagList } from './tags.ts'

function progressOf({ clock }: Account, { state, createdMs, completesMs }: Snapshot): string {
  if (state === 'completed') return '100%'
  if (completesMs === undefined) return '0%'
  const done = (clock.now() - createdMs) / (completesMs - createdMs)
  return `${Math.min(99, Math.floor(done * 100))}%`
}

const isCompleted = ({ state }: Snapshot): boolean => state === 'completed'

/** The member of an answer to CreateSnapshots: no key, no progress yet (AWS facts A.1). */
export const toSnapshotInfo = (snapshot: Snapshot): SnapshotInfo => ({
  SnapshotId: snapshot.id,
  VolumeId: snapshot.volumeId,
  VolumeSize: snapshot.sizeGiB,
  State: snapshot.state,
  Progress: '',
  StartTime: new Date(snapshot.createdMs),
  OwnerId: snapshot.ownerId,
  Description: snapshot.description,
  Encrypted: snapshot.encryption !== undefined,
  SseType: snapshot.encryption ? 'sse-kms' : 'none',
  Tags: toTagList(snapshot.tags),
})

export const toSnapshotOutput = (account: Account, snapshot: Snapshot): SnapshotOutput => ({
  ...toSnapshotInfo(snapshot),
  Progress: progressOf(account, snapshot),
  KmsKeyId: snapshot.encryption?.kmsKeyId,
  DataEncryptionKeyId: snapshot.encryption?.dataKeyId,
  StateMessage: snapshot.stateMessage,
  StorageTier: 'standard',
  TransferType: transferTypeOf(snapshot),
  CompletionDurationMinutes: snapshot.copyOf?.timeBased?.minutes,
  FullSnapshotSizeInBytes: isCompleted(snapshot) ? snapshot.fullBytes : undefined,
  CompletionTime:
    isCompleted(snapshot) && snapshot.completesMs !== undefined ? new Date(snapshot.completesMs) : undefined,
  // Tags of a shared snapshot stay with its owner (AWS facts A.5).
  Tags: snapshot.ownerId === account.accountId ? toTagList(snapshot.tags) : [],
})

const transferTypeOf = ({ copyOf }: Snapshot): 'time-based' | 'standard' =>
  copyOf?.timeBased ? 'time-based' : 'standard'

const filtersOf = (account: Account): FilterValues<Snapshot> => ({
  description: ({ description }) => description,
  encrypted: ({ encryption }) => encryption !== undefined,
  'owner-id': ({ ownerId }) => ownerId,
  'owner-alias': () => undefined,
  progress: (snapshot) => progressOf(account, snapshot),
  'snapshot-id': ({ id }) => id,
  'start-time': ({ createdMs }) => new Date(createdMs).toISOString(),
  status: ({ state }) => state,
  'storage-tier': () => 'standard',
  'transfer-type': transferTypeOf,
  'volume-id': ({ volumeId }) => volumeId,
  'volume-size': ({ sizeGiB }) => sizeGiB,
})

/** Own snapshots and those that others share; which of them a request is about, OwnerIds and RestorableByUserIds say. */
function* inScope(account: Account, request: DescribeSnapshotsRequest): Generator<Snapshot> {
  const accountId = (name: string): string => (name === 'self' ? account.accountId : name)
  const owners = request.OwnerIds?.length ? new Set(request.OwnerIds.map(accountId)) : undefined
  const restorers = request.RestorableByUserIds?.length ? request.RestorableByUserIds.map(accountId) : undefined
  const passes = ({ ownerId, sharedWith }: Snapshot): boolean =>
    (!owners || owners.has(ownerId)) &&
    (!restorers || restorers.some((name) => name === ownerId || sharedWith.has(name)))
  for (const snapshot of account.snapshots.values()) if (passes(snapshot)) yield snapshot
  if (owners?.size === 1 && owners.has(account.accountId)) return
  for (const snapshot of sharedSnapshots(account)) if (passes(snapshot)) yield snapshot
}

/** Snapshots by their ids: those of others that are not shared are left out in silence (AWS facts A.4). */
function named(account: Account, ids: readonly string[]): Snapshot[] {
  return [...new Set(ids)].flatMap((id) => {
    const isHidden = account
      .accountsIn(account.region)
      .some((owner) => owner !== account && owner.snapshots.has(id) && !isShared(owner, id, account.accountId))
    return isHidden ? [] : [usableSnapshot(account, id).snapshot]
  })
}

function isShared(owner: Account, id: string, accountId: string): boolean {
  const snapshot = owner.snapshots.get(id)
  return snapshot !== undefined && mayUse(owner, snapshot, accountId)
}

function describeSnapshots(account: Account, request: DescribeSnapshotsRequest): DescribeSnapshotsResult {
  const ids = request.SnapshotIds?.length ? request.SnapshotIds : undefined
  const passes = filterBy(request.Filters, filtersOf(account))
  const searchable = account.clock.now() - (asksForTags(request.Filters) ? account.consistency.tagsMs : 0)
  const within = new Set(ids ? named(account, ids) : [])
  const page = pageOf(
    ids ? [...inScope(account, request)].filter((snapshot) => within.has(snapshot)) : inScope(account, request),
    request,
    (snapshot) => account.snapshots.shows(snapshot) && snapshot.createdMs <= searchable && passes(snapshot),
    ids && 'snapshotSet',
  )
  return {
    Snapshots: page.items.map((snapshot) => toSnapshotOutput(account, snapshot)),
    NextToken: page.nextToken,
  }
}

export const snapshotDescriptions = (account: Account): Operations => ({
  DescribeSnapshots: operation<DescribeSnapshotsRequest>(
    ['SnapshotIds', 'OwnerIds', 'RestorableByUserIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeSnapshots(account, input),
  ),
})
