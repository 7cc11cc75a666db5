/** DescribeSnapshots, and the two shapes of a snapshot in answers (AWS facts A.1, A.4). */
import type {
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  SnapshotInfo,
  Snapshot as SnapshotOutput,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../../wire/service.ts'
import { asSeenBy, placed, type Placed } from '../across-accounts.ts'
import { byId, candidates, searchable } from '../describe.ts'
import { filterBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from './model.ts'
import { pageOf } from '../paging.ts'
import { operation } from '../request.ts'
import { mayUse, sharedSnapshots, usableSnapshot } from './shares.ts'
import { toTagList } from '../tags.ts'

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
  Tags: toTagList(asSeenBy(account, snapshot).tags),
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

/** Whether a request is about a snapshot, as OwnerIds and RestorableByUserIds say. */
function scopeOf(account: Account, request: DescribeSnapshotsRequest): (snapshot: Snapshot) => boolean {
  const accountId = (name: string): string => (name === 'self' ? account.accountId : name)
  const owners = request.OwnerIds?.length ? new Set(request.OwnerIds.map(accountId)) : undefined
  const restorers = request.RestorableByUserIds?.length ? request.RestorableByUserIds.map(accountId) : undefined
  return ({ ownerId, sharedWith }) =>
    (!owners || owners.has(ownerId)) &&
    (!restorers || restorers.some((name) => name === ownerId || sharedWith.has(name)))
}

/** Own snapshots that may pass the filters, and those that others share. */
function visible(account: Account, { Filters, OwnerIds = [] }: DescribeSnapshotsRequest): Iterable<Placed<Snapshot>> {
  const { snapshots, accountId } = account
  const own = candidates({ among: snapshots, indexes: { 'snapshot-id': byId(snapshots) } }, Filters)
  const isOwnAlone = OwnerIds.length > 0 && OwnerIds.every((owner) => owner === 'self' || owner === accountId)
  return placed([own, ...(isOwnAlone ? [] : sharedSnapshots(account))])
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
  const isSearchable = searchable(account, request.Filters)
  const isInScope = scopeOf(account, request)
  const page = pageOf(
    ids ? placed([named(account, ids)]) : visible(account, request),
    request,
    ({ resource }) =>
      isInScope(resource) &&
      account.snapshots.shows(resource) &&
      isSearchable(resource) &&
      passes(asSeenBy(account, resource)),
    ids && 'snapshotSet',
  )
  return {
    Snapshots: page.items.map(({ resource }) => toSnapshotOutput(account, resource)),
    NextToken: page.nextToken,
  }
}

export const snapshotDescriptions = (account: Account): Operations => ({
  DescribeSnapshots: operation<DescribeSnapshotsRequest>(
    ['SnapshotIds', 'OwnerIds', 'RestorableByUserIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeSnapshots(account, input),
  ),
})
