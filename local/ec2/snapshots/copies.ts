/** CopySnapshot, across Regions and accounts (AWS facts A.6). */
import type { CopySnapshotRequest, CopySnapshotResult } from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Caller, Operations } from '../../wire/service.ts'
import { encryptionOfCopy } from '../encryption.ts'
import type { EncryptionPlan } from '../encryption.ts'
import type { CopyOrigin } from './model.ts'
import type { Account } from '../model.ts'
import type { Snapshot } from './model.ts'
import { checkQuota } from '../quotas.ts'
import { invalidValue, operation, required } from '../request.ts'
import { usableSnapshot } from './shares.ts'
import { letComplete } from './snapshot-states.ts'
import { checkSnapshotQuotas } from './snapshots.ts'
import { mergeTags, tagsOnCreation, toTagList } from '../tags.ts'

const MIB = 1024 * 1024
/** One time-based copy gets no more, whatever the quota, MiB/s. */
const RATE_MAX = 500
const DURATION_MINUTES = { min: 15, max: 2_880, step: 15 }
/** Arbitrary in AWS: nobody may join on it. */
const VOLUME_OF_COPIES = 'vol-ffffffff'

function sourceOf(account: Account, request: CopySnapshotRequest): Snapshot {
  const region = required(request.SourceRegion, 'sourceRegion')
  if (request.DestinationRegion !== undefined && request.DestinationRegion !== account.region)
    throw invalidValue(`The destination Region '${request.DestinationRegion}' is not that of this endpoint.`)
  const id = required(request.SourceSnapshotId, 'sourceSnapshotId')
  const own = account.elsewhere(account.accountId, region)?.snapshots.get(id)
  const snapshot = own ?? usableSnapshot(account, id, region).snapshot
  if (snapshot.state !== 'completed')
    throw new AwsError('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`)
  return snapshot
}

function* copiesInProgress({ state }: Account): Generator<Snapshot> {
  for (const { snapshot } of state.pendingSnapshots) if (snapshot.copyOf) yield snapshot
}

/** The throughput that a copy gets for the duration that it asks for: what is left, if that is less (AWS facts A.6, A.22). */
function timeBased(account: Account, request: CopySnapshotRequest, source: Snapshot): CopyOrigin['timeBased'] {
  const { CompletionDurationMinutes: minutes, SourceRegion: region } = request
  if (minutes === undefined) return undefined
  const { min, max, step } = DURATION_MINUTES
  if (minutes < min || minutes > max || minutes % step !== 0)
    throw invalidValue(`completionDurationMinutes must be from ${min} to ${max}, in steps of ${step}.`)
  let left = account.quotas.timeBasedCopyRate
  for (const { copyOf } of copiesInProgress(account))
    if (copyOf?.region === region) left -= copyOf?.timeBased?.rate ?? 0
  if (left <= 0)
    throw new AwsError('ResourceLimitExceeded', `The throughput quota for time-based copies from ${region} is used up.`)
  const needed = source.fullBytes / MIB / (minutes * 60)
  return { minutes, rate: Math.min(Math.max(needed, 1), RATE_MAX, left) }
}

interface Base {
  readonly isIncremental: boolean
  readonly lineage?: string
  readonly parentId?: string
  readonly encryption?: Snapshot['encryption']
}

/**
 * What the copy is incremental to: in the same account, Region and key the source itself; elsewhere the most recent copy of the
 * same lineage, if its encryption is the same. Else it is full.
 */
function baseOf(account: Account, source: Snapshot, sourceRegion: string, { encryption }: EncryptionPlan): Base {
  const isSameKey = (one: Snapshot): boolean => one.encryption?.kmsKeyId === encryption?.kmsKeyId
  const isSamePlace = source.ownerId === account.accountId && sourceRegion === account.region
  const base = isSamePlace ? source : lastCopyOf(account, source.lineage)
  if (!base || !isSameKey(base)) return { isIncremental: false, ...(encryption ? { encryption } : {}) }
  return { isIncremental: true, lineage: base.lineage, parentId: base.id, encryption: base.encryption }
}

function lastCopyOf({ snapshots }: Account, lineage: string): Snapshot | undefined {
  let last: Snapshot | undefined
  for (const snapshot of snapshots.values())
    if (snapshot.copyOf?.lineage === lineage && snapshot.state === 'completed') last = snapshot
  return last
}

function copySnapshot(account: Account, request: CopySnapshotRequest, caller: Caller): CopySnapshotResult {
  const { quotas } = account
  const source = sourceOf(account, request)
  const region = request.SourceRegion ?? account.region
  const plan = encryptionOfCopy(account, request, source, caller)
  checkSnapshotQuotas(account, 1)
  checkQuota(
    'ResourceLimitExceeded',
    [...copiesInProgress(account)].length + 1,
    quotas.copiesInProgress,
    `Too many snapshot copies in progress. The limit is ${quotas.copiesInProgress} for this destination region.`,
  )
  const duration = timeBased(account, request, source)
  const { snapshot } = tagsOnCreation(request.TagSpecifications, ['snapshot'])
  const copy = makeCopy(account, {
    source,
    region,
    plan,
    tags: mergeTags(new Map(), snapshot),
    description: request.Description ?? `[Copied ${source.id} from ${region}]`,
    ...(duration ? { duration } : {}),
  })
  return { SnapshotId: copy.id, Tags: toTagList(copy.tags) }
}

export interface CopyPlan {
  readonly source: Snapshot
  /** Of the source. */
  readonly region: string
  readonly plan: EncryptionPlan
  readonly tags: Map<string, string>
  readonly description: string
  readonly duration?: CopyOrigin['timeBased']
}

/** Begins a copy, which is `pending` for now. Tags, shares and locks do not come along. */
export function makeCopy(account: Account, copy: CopyPlan): Snapshot {
  const { clock, ids } = account
  const { source, region, plan, duration } = copy
  const { isIncremental, ...base } = baseOf(account, source, region, plan)
  const id = ids.next('snap')
  const snapshot: Snapshot = {
    id,
    order: account.nextOrder(),
    createdMs: clock.now(),
    tags: copy.tags,
    ownerId: account.accountId,
    volumeId: VOLUME_OF_COPIES,
    sizeGiB: source.sizeGiB,
    ...(source.software ? { software: source.software } : {}),
    description: copy.description,
    path: account.disks.pathOf(id),
    lineage: id,
    ...base,
    copyOf: {
      snapshotId: source.id,
      region,
      accountId: source.ownerId,
      lineage: source.lineage,
      isIncremental,
      ...(duration ? { timeBased: duration } : {}),
    },
    state: 'pending',
    fullBytes: 0,
    deleted: false,
    sharedWith: new Set(),
  }
  account.snapshots.set(id, snapshot)
  const failure = plan.keyProblem === undefined ? {} : { failure: 'Given key ID is not accessible' }
  letComplete(account, [{ snapshot, ...failure }], false)
  return snapshot
}

export const copyOperations = (account: Account): Operations => ({
  CopySnapshot: operation<CopySnapshotRequest>(
    [
      'CompletionDurationMinutes',
      'Description',
      'DestinationRegion',
      'Encrypted',
      'KmsKeyId',
      // Says again, signed for the source Region, what the request says: SDKs add it by themselves.
      'PresignedUrl',
      'SourceRegion',
      'SourceSnapshotId',
      'TagSpecifications',
    ],
    (input, caller) => copySnapshot(account, input, caller),
  ),
})
