import { createHash } from 'node:crypto'
import {
  CompleteSnapshotCommand,
  EBSClient,
  GetSnapshotBlockCommand,
  ListChangedBlocksCommand,
  ListSnapshotBlocksCommand,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs'
import type { BlockPage, ListedBlock, SnapshotBlocks } from '../core/copy-ports.ts'
import { TandemError } from '../core/errors.ts'
import { calling, type Meaning } from './calling.ts'

const PAGE_BLOCKS = 10_000
/** A block that arrives damaged is asked for again: EBS sends its checksum with it. */
const READ_TRIES = 3

const reasonOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'Reason' in error ? String(error.Reason) : undefined

/** ValidationException says in `Reason` what it means; a lost lineage alone is no fault of the caller. */
function meaningOf(error: unknown): Meaning {
  return {
    ResourceNotFoundException: 'SnapshotMissing',
    ServiceQuotaExceededException: 'QuotaExceeded',
    ConcurrentLimitExceededException: 'AwsThrottled',
    ...(reasonOf(error) === 'UNRELATED_SNAPSHOTS' ? { ValidationException: 'LineageBroken' } : {}),
    ...(reasonOf(error) === 'INVALID_CUSTOMER_KEY' ? { ValidationException: 'InvalidInput' } : {}),
  }
}

/** Of a snapshot that was started: it is no longer `pending`, or its CompleteSnapshot was called (docs/unverified.md). */
const SEALED = ['INVALID_SNAPSHOT_ID', 'WRITE_REQUEST_TIMEOUT']

/** As `meaningOf`, for what writes to a snapshot that we started ourselves. */
function meaningOfWrite(error: unknown): Meaning {
  const isSealed = SEALED.includes(reasonOf(error) ?? '')
  return { ...meaningOf(error), ...(isSealed ? { ValidationException: 'SnapshotSealed' } : {}) }
}

const ask = <T>(operation: string, subject: string, call: () => Promise<T>): Promise<T> =>
  calling({ operation, subject, meaning: meaningOf }, call)

const askToWrite = <T>(operation: string, subject: string, call: () => Promise<T>): Promise<T> =>
  calling({ operation, subject, meaning: meaningOfWrite }, call)

/** The EBS direct APIs, with the SDK's usual settings. */
export function ebsSnapshotBlocks(ebs = new EBSClient({})): SnapshotBlocks {
  return {
    list(snapshot, { since, fromBlock }) {
      if (since === undefined) return allBlocks(ebs, snapshot, fromBlock)
      // A disk's own copy may be there when its point is copied again; what EBS says of a snapshot since itself is not known.
      return since === snapshot ? nothing() : changedBlocks(ebs, snapshot, since, fromBlock)
    },
    read: (SnapshotId, { block, token }) =>
      ask('GetSnapshotBlock', `block ${block} of ${SnapshotId}`, async () => {
        for (let attempt = 1; ; attempt += 1) {
          const { BlockData, Checksum } = await ebs.send(
            new GetSnapshotBlockCommand({ SnapshotId, BlockIndex: block, BlockToken: token }),
          )
          const bytes = (await BlockData?.transformToByteArray()) ?? new Uint8Array()
          if (Checksum === sha256(bytes).toString('base64')) return bytes
          if (attempt === READ_TRIES)
            throw new TandemError(
              'DiskUnreadable',
              `Block ${block} of ${SnapshotId} came damaged ${READ_TRIES} times: its checksum is not the one that EBS tells.`,
            )
        }
      }),
    start: ({ sizeGiB, description, tags, kmsKey, encrypted, patienceMinutes, clientToken }) =>
      ask('StartSnapshot', description, async () => {
        const { SnapshotId } = await ebs.send(
          new StartSnapshotCommand({
            VolumeSize: sizeGiB,
            Description: description,
            Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            ClientToken: clientToken,
            Timeout: patienceMinutes,
            ...(encrypted ? { Encrypted: true, KmsKeyArn: kmsKey } : {}),
          }),
        )
        if (!SnapshotId) throw new TandemError('UnexpectedAwsError', 'StartSnapshot answered without an id.')
        return SnapshotId
      }),
    async write(SnapshotId, block, bytes) {
      const digest = sha256(bytes)
      await askToWrite('PutSnapshotBlock', `block ${block} of ${SnapshotId}`, () =>
        ebs.send(
          new PutSnapshotBlockCommand({
            SnapshotId,
            BlockIndex: block,
            BlockData: bytes,
            DataLength: bytes.length,
            Checksum: digest.toString('base64'),
            ChecksumAlgorithm: 'SHA256',
          }),
        ),
      )
      return digest
    },
    async complete(SnapshotId, { blockCount, sha256: digest }) {
      await askToWrite('CompleteSnapshot', SnapshotId, () =>
        ebs.send(
          new CompleteSnapshotCommand({
            SnapshotId,
            ChangedBlocksCount: blockCount,
            Checksum: Buffer.from(digest).toString('base64'),
            ChecksumAlgorithm: 'SHA256',
            ChecksumAggregationMethod: 'LINEAR',
          }),
        ),
      )
    },
  }
}

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** Pages until there is no token for another. */
async function* pagesOf(
  ask: (NextToken: string | undefined) => Promise<{ NextToken?: string | undefined; blocks: ListedBlock[] }>,
): AsyncIterable<BlockPage> {
  let token: string | undefined
  do {
    const { NextToken, blocks } = await ask(token)
    token = NextToken
    yield { blocks, isLast: token === undefined }
  } while (token !== undefined)
}

const nothing = (): AsyncIterable<BlockPage> => pagesOf(async () => ({ blocks: [] }))

const allBlocks = (ebs: EBSClient, SnapshotId: string, StartingBlockIndex: number): AsyncIterable<BlockPage> =>
  pagesOf(async (token) => {
    const { NextToken, Blocks = [] } = await ask('ListSnapshotBlocks', SnapshotId, () =>
      ebs.send(
        new ListSnapshotBlocksCommand({ SnapshotId, StartingBlockIndex, MaxResults: PAGE_BLOCKS, NextToken: token }),
      ),
    )
    const blocks = Blocks.map(({ BlockIndex = 0, BlockToken = '' }) => ({ block: BlockIndex, token: BlockToken }))
    return { NextToken, blocks }
  })

const changedBlocks = (
  ebs: EBSClient,
  SecondSnapshotId: string,
  FirstSnapshotId: string,
  StartingBlockIndex: number,
): AsyncIterable<BlockPage> =>
  pagesOf(async (token) => {
    const between = { FirstSnapshotId, SecondSnapshotId, StartingBlockIndex }
    const { NextToken, ChangedBlocks = [] } = await ask(
      'ListChangedBlocks',
      `${SecondSnapshotId} since ${FirstSnapshotId}`,
      () => ebs.send(new ListChangedBlocksCommand({ ...between, MaxResults: PAGE_BLOCKS, NextToken: token })),
    )
    const blocks = ChangedBlocks.map(({ BlockIndex = 0, SecondBlockToken }) => ({
      block: BlockIndex,
      ...(SecondBlockToken === undefined ? {} : { token: SecondBlockToken }),
    }))
    return { NextToken, blocks }
  })
