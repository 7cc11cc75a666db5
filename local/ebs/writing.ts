/** StartSnapshot, PutSnapshotBlock and CompleteSnapshot (AWS facts B). */
import { createHash } from 'node:crypto'
import type {
  CompleteSnapshotRequest,
  CompleteSnapshotResponse,
  PutSnapshotBlockRequest,
  PutSnapshotBlockResponse,
  StartSnapshotRequest,
  StartSnapshotResponse,
  Tag,
} from '@aws-sdk/client-ebs'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations, StreamedBody } from '../wire/service.ts'
import { BLOCK_BYTES } from '../ec2/volumes/blocks.ts'
import type { DirectSnapshot, EncryptionWanted } from '../ec2/snapshots/direct-snapshots.ts'
import { invalid, notFound } from './errors.ts'
import type { EbsPlace, Upload } from './place.ts'

const MINUTE_MS = 60_000
const GIB = 1024 ** 3
const SIZE_GIB = { min: 1, max: 65_536 }
const TIMEOUT_MINUTES = { min: 10, max: 4_320, usual: 60 }
/** StartSnapshots that may be under way. */
const UPLOADS_MAX = 100
const TAGS_MAX = 50

const isWrong = ([key, value]: [string, string]): boolean =>
  key === '' || key.length > 127 || value.length > 255 || key.toLowerCase().startsWith('aws:')

function tagsOf(tags: readonly Tag[] = []): Map<string, string> {
  const merged = new Map(tags.map(({ Key = '', Value = '' }): [string, string] => [Key, Value]))
  if (merged.size < tags.length || merged.size > TAGS_MAX || [...merged].some(isWrong))
    throw invalid('INVALID_TAG', 'The tags are not valid.')
  return merged
}

function checkSize(sizeGiB: number): number {
  if (!Number.isInteger(sizeGiB) || sizeGiB < SIZE_GIB.min || sizeGiB > SIZE_GIB.max)
    throw invalid('INVALID_VOLUME_SIZE', `The volume size must be from ${SIZE_GIB.min} to ${SIZE_GIB.max} GiB.`)
  return sizeGiB
}

function timeoutOf({ Timeout: minutes = TIMEOUT_MINUTES.usual }: StartSnapshotRequest): number {
  if (minutes < TIMEOUT_MINUTES.min || minutes > TIMEOUT_MINUTES.max)
    throw invalid(
      'INVALID_PARAMETER_VALUE',
      `The timeout is from ${TIMEOUT_MINUTES.min} to ${TIMEOUT_MINUTES.max} min.`,
    )
  return minutes * MINUTE_MS
}

/** The parent goes on in its own encryption, and is the caller's own (AWS facts B). */
function checkParent({ snapshots, accountId }: EbsPlace, request: StartSnapshotRequest, sizeGiB: number): void {
  const { ParentSnapshotId: id, Encrypted, KmsKeyArn } = request
  if (id === undefined) return
  const parent = snapshots.find(id)
  if (parent?.ownerId !== accountId) throw notFound('SNAPSHOT_NOT_FOUND', `The snapshot '${id}' does not exist.`)
  if (parent.state !== 'completed') throw invalid('INVALID_SNAPSHOT_ID', `The snapshot '${id}' is not completed.`)
  if (Encrypted !== undefined || KmsKeyArn !== undefined)
    throw invalid('INVALID_PARAMETER_VALUE', 'Encryption follows from the parent: it cannot be given beside it.')
  if (parent.sizeGiB > sizeGiB)
    throw invalid('INVALID_VOLUME_SIZE', `The volume size must be at least that of the parent, ${parent.sizeGiB} GiB.`)
  if (parent.kmsKeyId === undefined && snapshots.encryptsByDefault)
    throw invalid('INVALID_PARAMETER_VALUE', 'The parent is not encrypted, and encryption by default is on.')
}

function checkKey({ snapshots }: EbsPlace, request: StartSnapshotRequest): void {
  if (request.KmsKeyArn !== undefined && !request.Encrypted)
    throw invalid('INVALID_PARAMETER_VALUE', 'KmsKeyArn needs Encrypted.')
  const keyId = snapshots.keyOfNew(encryptionOf(request))
  if (keyId !== undefined && snapshots.keyState(keyId) !== 'Enabled')
    throw invalid('INVALID_CUSTOMER_KEY', `The key ${keyId} cannot be used.`)
}

/** What a request says of the new snapshot's encryption. */
export const encryptionOf = ({ ParentSnapshotId, Encrypted, KmsKeyArn }: StartSnapshotRequest): EncryptionWanted => ({
  ...(ParentSnapshotId === undefined ? {} : { parentId: ParentSnapshotId }),
  ...(Encrypted === undefined ? {} : { Encrypted }),
  ...(KmsKeyArn === undefined ? {} : { KmsKeyId: KmsKeyArn }),
})

function toStarted(snapshot: DirectSnapshot): StartSnapshotResponse {
  return {
    SnapshotId: snapshot.id,
    OwnerId: snapshot.ownerId,
    Status: 'pending',
    StartTime: new Date(snapshot.createdMs),
    VolumeSize: snapshot.sizeGiB,
    BlockSize: BLOCK_BYTES,
    Description: snapshot.description,
    Tags: [...snapshot.tags].map(([Key, Value]) => ({ Key, Value })),
    ParentSnapshotId: snapshot.parentId,
    KmsKeyArn: snapshot.kmsKeyId,
    SseType: snapshot.kmsKeyId === undefined ? 'none' : 'sse-kms',
  }
}

const requestText = (request: StartSnapshotRequest): string =>
  JSON.stringify(Object.entries(request).sort(([left], [right]) => (left < right ? -1 : 1)))

/** What this client token started before. @throws AwsError ConflictException for another request */
function startedBefore({ state, snapshots }: EbsPlace, request: StartSnapshotRequest): DirectSnapshot | undefined {
  const before = state.started.get(request.ClientToken ?? '')
  if (!before) return undefined
  if (before.request !== requestText(request))
    throw new AwsError('ConflictException', 'The client token was used for another request.', { status: 409 })
  return snapshots.find(before.snapshotId)
}

async function startSnapshot(
  place: EbsPlace,
  request: StartSnapshotRequest,
  caller: Caller,
): Promise<StartSnapshotResponse> {
  const before = startedBefore(place, request)
  if (before) return toStarted(before)
  const sizeGiB = checkSize(request.VolumeSize ?? 0)
  const timeoutMs = timeoutOf(request)
  const tags = tagsOf(request.Tags)
  checkParent(place, request, sizeGiB)
  checkKey(place, request)
  if (place.state.uploads.size >= UPLOADS_MAX)
    throw new AwsError('ConcurrentLimitExceededException', 'Too many snapshots are being written.')
  const snapshot = await place.snapshots.start(
    {
      sizeGiB,
      tags,
      description: request.Description ?? '',
      ...encryptionOf(request),
    },
    caller,
  )
  const upload: Upload = { snapshotId: snapshot.id, timeoutMs, lastMs: place.clock.now(), written: new Map() }
  place.state.uploads.set(snapshot.id, upload)
  if (request.ClientToken !== undefined)
    place.state.started.set(request.ClientToken, { request: requestText(request), snapshotId: snapshot.id })
  watch(place, upload)
  return toStarted(snapshot)
}

/** Ends an upload that nobody has gone on with for its timeout. */
export function watch(place: EbsPlace, upload: Upload): void {
  const { clock, state, snapshots } = place
  clock.after(
    upload.lastMs + upload.timeoutMs - clock.now(),
    () => {
      if (state.uploads.get(upload.snapshotId) !== upload) return
      if (clock.now() < upload.lastMs + upload.timeoutMs) {
        watch(place, upload)
        return
      }
      state.uploads.delete(upload.snapshotId)
      snapshots.fail(upload.snapshotId, 'Snapshot was not completed within its timeout.')
    },
    { background: true },
  )
}

/** The upload of a snapshot that can still be written. @throws AwsError */
function uploadOf({ state, snapshots }: EbsPlace, id: string | undefined): Upload {
  const upload = state.uploads.get(id ?? '')
  const snapshot = snapshots.find(id ?? '')
  if (!snapshot) throw notFound('SNAPSHOT_NOT_FOUND', `The snapshot '${id}' does not exist.`)
  if (upload) return upload
  if (snapshot.state === 'error')
    throw invalid('WRITE_REQUEST_TIMEOUT', `The snapshot '${id}' was not written in time.`)
  throw invalid('INVALID_SNAPSHOT_ID', `The snapshot '${id}' cannot be written any more.`)
}

async function readBody(body: StreamedBody | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    const part = chunk as Uint8Array
    bytes += part.length
    if (bytes > BLOCK_BYTES) throw invalid('INVALID_BLOCK', `A block has ${BLOCK_BYTES} bytes.`)
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

type PutRequest = Omit<PutSnapshotBlockRequest, 'BlockData'> & { readonly BlockData?: StreamedBody }

function checkPut({ snapshots }: EbsPlace, request: PutRequest): number {
  const { BlockIndex: index = -1, DataLength, ChecksumAlgorithm, Progress = 0 } = request
  const count = ((snapshots.find(request.SnapshotId ?? '')?.sizeGiB ?? 0) * GIB) / BLOCK_BYTES
  if (index < 0 || index >= count) throw invalid('INVALID_BLOCK', `There is no block ${index} in this snapshot.`)
  if (DataLength !== BLOCK_BYTES) throw invalid('INVALID_BLOCK', `A block has ${BLOCK_BYTES} bytes.`)
  if (ChecksumAlgorithm !== 'SHA256') throw invalid('INVALID_PARAMETER_VALUE', 'The checksum algorithm is SHA256.')
  if (Progress < 0 || Progress > 100) throw invalid('INVALID_PARAMETER_VALUE', 'The progress is from 0 to 100.')
  return index
}

/** Blocks being written now, with their checksums: two different ones at once are in conflict. */
type Writing = Map<string, string>

async function putSnapshotBlock(
  place: EbsPlace,
  writing: Writing,
  request: PutRequest,
): Promise<PutSnapshotBlockResponse> {
  const upload = uploadOf(place, request.SnapshotId)
  const index = checkPut(place, request)
  const wanted = request.Checksum ?? ''
  const name = `${upload.snapshotId} ${index}`
  const other = writing.get(name)
  if (other !== undefined && other !== wanted)
    throw invalid('CONFLICTING_BLOCK_UPDATE', `Another write of block ${index} is under way.`)
  place.limitRate(upload.snapshotId)
  writing.set(name, wanted)
  try {
    const block = await readBody(request.BlockData)
    const checksum = createHash('sha256').update(block).digest('base64')
    if (block.length !== BLOCK_BYTES) throw invalid('INVALID_BLOCK', `A block has ${BLOCK_BYTES} bytes.`)
    if (checksum !== wanted) throw invalid('INVALID_BLOCK', 'The block does not have the checksum that was given.')
    await place.snapshots.writeBlock(upload.snapshotId, index, block)
    upload.written.set(index, checksum)
    upload.lastMs = place.clock.now()
    return { Checksum: checksum, ChecksumAlgorithm: 'SHA256' }
  } finally {
    writing.delete(name)
  }
}

/** SHA-256 over the digests of the written blocks, in the order of their indexes. */
function linearChecksum({ written }: Upload): string {
  const hash = createHash('sha256')
  for (const [, checksum] of [...written].sort(([left], [right]) => left - right))
    hash.update(Buffer.from(checksum, 'base64'))
  return hash.digest('base64')
}

function completeSnapshot(place: EbsPlace, request: CompleteSnapshotRequest): CompleteSnapshotResponse {
  const upload = uploadOf(place, request.SnapshotId)
  if (request.ChangedBlocksCount !== upload.written.size)
    throw invalid(
      'INVALID_PARAMETER_VALUE',
      `${upload.written.size} blocks were written, not ${request.ChangedBlocksCount}.`,
    )
  const { Checksum, ChecksumAlgorithm, ChecksumAggregationMethod } = request
  const given = [Checksum, ChecksumAlgorithm, ChecksumAggregationMethod]
  if (given.some((one) => one !== undefined)) {
    if (
      given.some((one) => one === undefined) ||
      ChecksumAlgorithm !== 'SHA256' ||
      ChecksumAggregationMethod !== 'LINEAR'
    )
      throw invalid('INVALID_PARAMETER_VALUE', 'A checksum comes with the algorithm SHA256 and the method LINEAR.')
    if (Checksum !== linearChecksum(upload))
      throw invalid('INVALID_PARAMETER_VALUE', 'The blocks do not have the checksum that was given.')
  }
  place.state.uploads.delete(upload.snapshotId)
  place.snapshots.complete(upload.snapshotId)
  return { Status: 'pending' }
}

export function writingOperations(place: EbsPlace): Operations {
  const writing: Writing = new Map()
  return {
    StartSnapshot: (input: StartSnapshotRequest, caller: Caller) => startSnapshot(place, input, caller),
    PutSnapshotBlock: (input: PutRequest) => putSnapshotBlock(place, writing, input),
    CompleteSnapshot: (input: CompleteSnapshotRequest) => completeSnapshot(place, input),
  }
}
