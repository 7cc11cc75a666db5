/** ListSnapshotBlocks, ListChangedBlocks and GetSnapshotBlock (AWS facts B). */
import { createHash } from 'node:crypto'
import type {
  GetSnapshotBlockRequest,
  GetSnapshotBlockResponse,
  ListChangedBlocksRequest,
  ListChangedBlocksResponse,
  ListSnapshotBlocksRequest,
  ListSnapshotBlocksResponse,
} from '@aws-sdk/client-ebs'
import type { Operations } from '../wire/service.ts'
import { BLOCK_BYTES } from '../ec2/volumes/blocks.ts'
import { isId } from '../ec2/id-formats.ts'
import type { DirectSnapshot } from '../ec2/snapshots/direct-snapshots.ts'
import { denied, invalid, notFound } from './errors.ts'
import type { EbsPlace } from './place.ts'

const HOUR_MS = 3_600_000
/** Block tokens last 7 days, page tokens an hour. */
const BLOCK_TOKEN_MS = 7 * 24 * HOUR_MS
const PAGE_TOKEN_MS = HOUR_MS
const PAGE = { min: 100, max: 10_000 }

/** A snapshot that can be read now. @throws AwsError */
export function readable({ snapshots, accountId }: EbsPlace, id: string | undefined): DirectSnapshot {
  if (!isId('snap', id ?? ''))
    throw invalid('INVALID_SNAPSHOT_ID', `Value (${id}) for parameter snapshotId is invalid. Expected: 'snap-...'.`)
  const snapshot = snapshots.find(id ?? '')
  if (!snapshot) throw notFound('SNAPSHOT_NOT_FOUND', `The snapshot '${id}' does not exist.`)
  if (snapshot.ownerId !== accountId && snapshot.isPublic)
    throw denied('UNAUTHORIZED_ACCOUNT', 'Public snapshots cannot be read by the EBS direct APIs.')
  if (snapshot.state !== 'completed')
    throw invalid('INVALID_SNAPSHOT_ID', `The snapshot '${id}' is in the state '${snapshot.state}', not completed.`)
  const { kmsKeyId } = snapshot
  if (kmsKeyId !== undefined && snapshots.keyState(kmsKeyId) !== 'Enabled')
    throw invalid('INVALID_CUSTOMER_KEY', `The key ${kmsKeyId} of the snapshot cannot be used.`)
  return snapshot
}

const blockSubject = (snapshotId: string, index: number): string => `block ${snapshotId} ${index}`

interface PageRequest {
  readonly NextToken?: string
  readonly MaxResults?: number
  readonly StartingBlockIndex?: number
}

/** The index at which the page begins, and how many items it has. */
function pageStart({ tokens, clock }: EbsPlace, subject: string, request: PageRequest): { from: number; size: number } {
  const { NextToken, MaxResults: size = PAGE.max, StartingBlockIndex: from = 0 } = request
  if (size < PAGE.min || size > PAGE.max)
    throw invalid('INVALID_PARAMETER_VALUE', `maxResults must be between ${PAGE.min} and ${PAGE.max}.`)
  if (from < 0) throw invalid('INVALID_PARAMETER_VALUE', 'startingBlockIndex must not be negative.')
  if (NextToken === undefined) return { from, size }
  const value = tokens.read(subject, NextToken, clock.now())
  if (value === undefined) throw invalid('INVALID_PAGE_TOKEN', 'The page token is not valid, or has expired.')
  return { from: Number(value), size }
}

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: string
}

function pageOf<Item>(
  place: EbsPlace,
  subject: string,
  request: PageRequest,
  { items, indexOf }: { readonly items: Iterable<Item>; readonly indexOf: (item: Item) => number },
): Page<Item> {
  const { from, size } = pageStart(place, subject, request)
  const page: Item[] = []
  for (const item of items) {
    if (indexOf(item) < from) continue
    if (page.length === size)
      return {
        items: page,
        next: place.tokens.issue(subject, String(indexOf(item)), place.clock.now() + PAGE_TOKEN_MS),
      }
    page.push(item)
  }
  return { items: page }
}

async function listSnapshotBlocks(
  place: EbsPlace,
  request: ListSnapshotBlocksRequest,
): Promise<ListSnapshotBlocksResponse> {
  const { id, sizeGiB } = readable(place, request.SnapshotId)
  const items = await place.snapshots.blocks(id)
  const page = pageOf(place, `list ${id}`, request, { items, indexOf: (index) => index })
  const expiresMs = place.clock.now() + BLOCK_TOKEN_MS
  return {
    Blocks: page.items.map((index) => ({ BlockIndex: index, BlockToken: blockToken(place, id, index, expiresMs) })),
    ExpiryTime: new Date(expiresMs),
    VolumeSize: sizeGiB,
    BlockSize: BLOCK_BYTES,
    NextToken: page.next,
  }
}

const blockToken = ({ tokens }: EbsPlace, id: string, index: number, expiresMs: number): string =>
  tokens.issue(blockSubject(id, index), '', expiresMs)

/** Without a first snapshot: all blocks of the second. */
async function changesOf({ snapshots }: EbsPlace, firstId: string | undefined, secondId: string) {
  if (firstId !== undefined) return snapshots.changedBlocks(firstId, secondId)
  const indexes = await snapshots.blocks(secondId)
  return [...indexes].map((index) => ({ index, inFirst: false, inSecond: true }))
}

async function listChangedBlocks(
  place: EbsPlace,
  request: ListChangedBlocksRequest,
): Promise<ListChangedBlocksResponse> {
  const { id, sizeGiB } = readable(place, request.SecondSnapshotId)
  const firstId = request.FirstSnapshotId === undefined ? undefined : readable(place, request.FirstSnapshotId).id
  if (firstId !== undefined && !place.snapshots.areRelated(firstId, id))
    throw invalid('UNRELATED_SNAPSHOTS', `The snapshots '${firstId}' and '${id}' are not of one lineage.`)
  const items = await changesOf(place, firstId, id)
  const page = pageOf(place, `changed ${firstId} ${id}`, request, { items, indexOf: ({ index }) => index })
  const expiresMs = place.clock.now() + BLOCK_TOKEN_MS
  return {
    ChangedBlocks: page.items.map(({ index, inFirst, inSecond }) => ({
      BlockIndex: index,
      ...(inFirst ? { FirstBlockToken: blockToken(place, firstId ?? '', index, expiresMs) } : {}),
      ...(inSecond ? { SecondBlockToken: blockToken(place, id, index, expiresMs) } : {}),
    })),
    ExpiryTime: new Date(expiresMs),
    VolumeSize: sizeGiB,
    BlockSize: BLOCK_BYTES,
    NextToken: page.next,
  }
}

async function getSnapshotBlock(place: EbsPlace, request: GetSnapshotBlockRequest): Promise<object> {
  const { id } = readable(place, request.SnapshotId)
  const index = request.BlockIndex ?? -1
  const token = request.BlockToken ?? ''
  if (place.tokens.read(blockSubject(id, index), token, place.clock.now()) === undefined)
    throw invalid('INVALID_BLOCK_TOKEN', 'The block token is not valid for this block, or has expired.')
  place.limitRate(id)
  const block = await place.snapshots.readBlock(id, index)
  const answer: Omit<GetSnapshotBlockResponse, 'BlockData'> = {
    DataLength: block.length,
    Checksum: createHash('sha256').update(block).digest('base64'),
    ChecksumAlgorithm: 'SHA256',
  }
  return { ...answer, BlockData: block }
}

export const readingOperations = (place: EbsPlace): Operations => ({
  ListSnapshotBlocks: (input: ListSnapshotBlocksRequest) => listSnapshotBlocks(place, input),
  ListChangedBlocks: (input: ListChangedBlocksRequest) => listChangedBlocks(place, input),
  GetSnapshotBlock: (input: GetSnapshotBlockRequest) => getSnapshotBlock(place, input),
})
