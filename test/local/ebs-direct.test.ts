import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { array, assert, asyncProperty, integer, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK_BYTES, DAY_MS, HOME, MINUTE_MS, OURS, THEIRS, testPlaces } from './ebs-places.ts'
import type { TestPlace } from './ebs-places.ts'

const blockOf = (byte: number): Uint8Array => new Uint8Array(BLOCK_BYTES).fill(byte)
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')

const indexesOf = async ({ ebs }: TestPlace, SnapshotId: string) =>
  (await ebs('ListSnapshotBlocks', { SnapshotId })).Blocks!.map(({ BlockIndex }) => BlockIndex)

/** `+` new, `-` only zeros now, `*` changed. */
async function changesOf({ ebs }: TestPlace, first: string, second: string): Promise<string> {
  const { ChangedBlocks = [] } = await ebs('ListChangedBlocks', { FirstSnapshotId: first, SecondSnapshotId: second })
  return ChangedBlocks.map(({ BlockIndex, FirstBlockToken, SecondBlockToken }) => {
    if (FirstBlockToken && SecondBlockToken) return `*${BlockIndex}`
    return FirstBlockToken ? `-${BlockIndex}` : `+${BlockIndex}`
  }).join(' ')
}

const putOf = (SnapshotId: string, BlockIndex: number, byte: number) => ({
  SnapshotId,
  BlockIndex,
  BlockData: blockOf(byte),
  DataLength: BLOCK_BYTES,
  Checksum: digest(blockOf(byte)),
  ChecksumAlgorithm: 'SHA256' as const,
})

const refusal = (code: string, Reason?: string) =>
  expect.objectContaining({ code, ...(Reason ? { fields: { Reason } } : {}) })

describe('reading blocks (AWS facts B)', () => {
  it('lists the blocks that were written, and what changed since, be it new, other, or zeros', async () => {
    const place = testPlaces().at(OURS)
    const volume = await place.volume()
    for (const index of [0, 7, 2_047]) place.write(volume, index, 1)
    const first = await place.snapshot(volume)
    place.write(volume, 7, 2)
    place.write(volume, 9, 3)
    place.write(volume, 2_047, 0)
    const second = await place.snapshot(volume)
    expect(await indexesOf(place, first)).toEqual([0, 7, 2_047])
    expect(await indexesOf(place, second)).toEqual([0, 7, 9])
    expect(await changesOf(place, first, second)).toBe('*7 +9 -2047')
    expect(await changesOf(place, second, first)).toBe('*7 -9 +2047')
    const all = await place.ebs('ListChangedBlocks', { SecondSnapshotId: second })
    expect(all.ChangedBlocks).toHaveLength(3)
    expect(all).toMatchObject({ BlockSize: BLOCK_BYTES, VolumeSize: 1 })
  })

  it('lists exactly what changed, whatever is written between two snapshots', async () => {
    const place = testPlaces().at(OURS)
    const writes = array(record({ index: integer({ min: 0, max: 5 }), byte: integer({ min: 0, max: 2 }) }), {
      maxLength: 5,
    })
    await assert(
      asyncProperty(writes, writes, async (before, after) => {
        const volume = await place.volume()
        const content = new Map<number, number>()
        const write = (all: typeof before): Map<number, number> => {
          for (const { index, byte } of all) {
            place.write(volume, index, byte)
            content.set(index, byte)
          }
          return new Map(content)
        }
        const one = write(before)
        const first = await place.snapshot(volume)
        const two = write(after)
        const second = await place.snapshot(volume)
        const expected = [0, 1, 2, 3, 4, 5].flatMap((index) => {
          const [left, right] = [one.get(index) ?? 0, two.get(index) ?? 0]
          if (left === right) return []
          if (right === 0) return [`-${index}`]
          return [left === 0 ? `+${index}` : `*${index}`]
        })
        expect(await changesOf(place, first, second)).toBe(expected.join(' '))
      }),
      { numRuns: 4 },
    )
  })

  it('reads a block with its checksum, by its own token alone, for seven days', async () => {
    const { at, clock } = testPlaces()
    const place = at(OURS)
    const volume = await place.volume()
    place.write(volume, 3, 5)
    place.write(volume, 4, 6)
    const SnapshotId = await place.snapshot(volume)
    const { Blocks = [], ExpiryTime } = await place.ebs('ListSnapshotBlocks', { SnapshotId })
    const BlockToken = Blocks[0]!.BlockToken!
    expect(await place.ebs('GetSnapshotBlock', { SnapshotId, BlockIndex: 3, BlockToken })).toEqual({
      BlockData: Buffer.from(blockOf(5)),
      DataLength: BLOCK_BYTES,
      Checksum: digest(blockOf(5)),
      ChecksumAlgorithm: 'SHA256',
    })
    const invalid = refusal('ValidationException', 'INVALID_BLOCK_TOKEN')
    await expect(place.ebs('GetSnapshotBlock', { SnapshotId, BlockIndex: 4, BlockToken })).rejects.toEqual(invalid)
    const again = await place.ebs('ListSnapshotBlocks', { SnapshotId })
    expect(again.Blocks![0]!.BlockToken).not.toBe(BlockToken)
    expect(ExpiryTime!.getTime()).toBe(clock.now() + 7 * DAY_MS)
    await clock.advance(7 * DAY_MS)
    await expect(place.ebs('GetSnapshotBlock', { SnapshotId, BlockIndex: 3, BlockToken })).rejects.toEqual(invalid)
  })

  it('gives pages whose tokens last an hour', async () => {
    const { at, clock } = testPlaces()
    const place = at(OURS)
    const volume = await place.volume()
    for (let index = 0; index < 101; index += 1) place.write(volume, index, 1)
    const SnapshotId = await place.snapshot(volume)
    const first = await place.ebs('ListSnapshotBlocks', { SnapshotId, MaxResults: 100 })
    expect(first.Blocks).toHaveLength(100)
    const { NextToken } = first
    const rest = await place.ebs('ListSnapshotBlocks', { SnapshotId, MaxResults: 100, NextToken })
    expect(rest.Blocks!.map(({ BlockIndex }) => BlockIndex)).toEqual([100])
    expect(rest.NextToken).toBeUndefined()
    await clock.advance(60 * MINUTE_MS)
    await expect(place.ebs('ListSnapshotBlocks', { SnapshotId, NextToken })).rejects.toEqual(
      refusal('ValidationException', 'INVALID_PAGE_TOKEN'),
    )
    await expect(place.ebs('ListSnapshotBlocks', { SnapshotId, MaxResults: 99 })).rejects.toEqual(
      refusal('ValidationException', 'INVALID_PARAMETER_VALUE'),
    )
  })

  it('compares snapshots of one lineage alone: a volume from a snapshot goes on with it, another key does not (AWS facts A.3)', async () => {
    const place = testPlaces().at(OURS)
    const volume = await place.volume({ Encrypted: true })
    place.write(volume, 0, 1)
    const first = await place.snapshot(volume)
    const clone = await place.volume({ SnapshotId: first })
    place.write(clone, 1, 1)
    expect(await changesOf(place, first, await place.snapshot(clone))).toBe('+1')
    const KmsKeyId = await place.newKey()
    const other = await place.snapshot(await place.volume({ SnapshotId: first, Encrypted: true, KmsKeyId }))
    const unrelated = refusal('ValidationException', 'UNRELATED_SNAPSHOTS')
    await expect(changesOf(place, first, other)).rejects.toEqual(unrelated)
    await expect(changesOf(place, first, await place.snapshot(await place.volume()))).rejects.toEqual(unrelated)
  })

  it('reads what is shared, not what is public, pending, or under a key that is disabled', async () => {
    const { at } = testPlaces()
    const [place, other] = [at(OURS), at(THEIRS)]
    const SnapshotId = await place.snapshot(await place.volume())
    await expect(other.ebs('ListSnapshotBlocks', { SnapshotId })).rejects.toEqual(
      refusal('ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND'),
    )
    await place.ec2('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: [THEIRS] })
    expect(await indexesOf(other, SnapshotId)).toEqual([])
    await place.ec2('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', GroupNames: ['all'] })
    await expect(other.ebs('ListSnapshotBlocks', { SnapshotId })).rejects.toEqual(
      refusal('AccessDeniedException', 'UNAUTHORIZED_ACCOUNT'),
    )
    const KmsKeyId = await place.newKey()
    const secret = await place.snapshot(await place.volume({ Encrypted: true, KmsKeyId }))
    await place.disableKey(KmsKeyId)
    await expect(place.ebs('ListSnapshotBlocks', { SnapshotId: secret })).rejects.toEqual(
      refusal('ValidationException', 'INVALID_CUSTOMER_KEY'),
    )
  })
})

describe('writing snapshots (AWS facts B)', () => {
  it('makes an ordinary snapshot that goes on in the lineage of its parent', async () => {
    const { at, clock } = testPlaces()
    const place = at(OURS)
    const volume = await place.volume()
    place.write(volume, 0, 1)
    place.write(volume, 1, 1)
    const parent = await place.snapshot(volume)
    const started = await place.ebs('StartSnapshot', { VolumeSize: 2, ParentSnapshotId: parent, Description: 'point' })
    expect(started).toMatchObject({ Status: 'pending', BlockSize: BLOCK_BYTES, ParentSnapshotId: parent })
    const id = started.SnapshotId!
    await place.ebs('PutSnapshotBlock', putOf(id, 1, 2))
    await place.ebs('PutSnapshotBlock', putOf(id, 4_000, 3))
    const Checksum = digest(Buffer.concat([2, 3].map((byte) => createHash('sha256').update(blockOf(byte)).digest())))
    const method = { ChecksumAlgorithm: 'SHA256', ChecksumAggregationMethod: 'LINEAR' } as const
    const wrong = { SnapshotId: id, ChangedBlocksCount: 2, Checksum: digest(blockOf(2)), ...method }
    await expect(place.ebs('CompleteSnapshot', wrong)).rejects.toEqual(refusal('ValidationException'))
    await expect(place.ebs('CompleteSnapshot', { SnapshotId: id, ChangedBlocksCount: 1 })).rejects.toEqual(
      refusal('ValidationException'),
    )
    expect(await place.ebs('CompleteSnapshot', { ...wrong, Checksum })).toEqual({ Status: 'pending' })
    await clock.advance(2 * MINUTE_MS)
    expect(await place.describe(id)).toMatchObject({
      State: 'completed',
      VolumeSize: 2,
      Description: 'point',
      FullSnapshotSizeInBytes: 3 * BLOCK_BYTES,
    })
    expect(await changesOf(place, parent, id)).toBe('*1 +4000')
    const restored = await place.volume({ SnapshotId: id })
    expect(statSync(place.host.volumePath(restored)).size).toBe(2 * 1024 ** 3)
    await expect(place.ebs('PutSnapshotBlock', putOf(id, 1, 2))).rejects.toEqual(
      refusal('ValidationException', 'INVALID_SNAPSHOT_ID'),
    )
  })

  it('refuses blocks of another size, place or checksum', async () => {
    const place = testPlaces().at(OURS)
    const id = (await place.ebs('StartSnapshot', { VolumeSize: 1 })).SnapshotId!
    const put = putOf(id, 0, 1)
    const invalid = refusal('ValidationException', 'INVALID_BLOCK')
    for (const wrong of [
      { BlockIndex: 2_048 },
      { DataLength: 1 },
      { Checksum: digest(blockOf(2)) },
      { BlockData: new Uint8Array(10) },
      { BlockData: new Uint8Array(BLOCK_BYTES + 1) },
    ])
      await expect(place.ebs('PutSnapshotBlock', { ...put, ...wrong })).rejects.toEqual(invalid)
  })

  it('finds two different writes of one block at once in conflict, and lets the same one be repeated', async () => {
    const place = testPlaces().at(OURS)
    const id = (await place.ebs('StartSnapshot', { VolumeSize: 1 })).SnapshotId!
    const writes = await Promise.allSettled([
      place.ebs('PutSnapshotBlock', putOf(id, 0, 1)),
      place.ebs('PutSnapshotBlock', putOf(id, 0, 1)),
      place.ebs('PutSnapshotBlock', putOf(id, 0, 2)),
    ])
    expect(writes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(writes[2]).toMatchObject({ reason: { fields: { Reason: 'CONFLICTING_BLOCK_UPDATE' } } })
    await place.ebs('PutSnapshotBlock', putOf(id, 0, 2))
    await place.ebs('CompleteSnapshot', { SnapshotId: id, ChangedBlocksCount: 1 })
  })

  it('ends in error when nobody goes on within the timeout, which every block starts anew', async () => {
    const { at, clock } = testPlaces()
    const place = at(OURS)
    const id = (await place.ebs('StartSnapshot', { VolumeSize: 1, Timeout: 10 })).SnapshotId!
    await clock.advance(9 * MINUTE_MS)
    await place.ebs('PutSnapshotBlock', putOf(id, 0, 1))
    await clock.advance(9 * MINUTE_MS)
    expect(await place.describe(id)).toMatchObject({ State: 'pending' })
    await clock.advance(1 * MINUTE_MS)
    expect(await place.describe(id)).toMatchObject({ State: 'error' })
    await expect(place.ebs('PutSnapshotBlock', putOf(id, 0, 1))).rejects.toEqual(
      refusal('ValidationException', 'WRITE_REQUEST_TIMEOUT'),
    )
  })

  it('starts one snapshot for one client token, and keeps to what a parent and a key allow', async () => {
    const place = testPlaces().at(OURS)
    const request = { VolumeSize: 1, ClientToken: 'once' }
    const first = await place.ebs('StartSnapshot', request)
    expect((await place.ebs('StartSnapshot', request)).SnapshotId).toBe(first.SnapshotId)
    await expect(place.ebs('StartSnapshot', { ...request, VolumeSize: 2 })).rejects.toEqual(
      refusal('ConflictException'),
    )
    const parent = await place.snapshot(await place.volume({ Size: 2 }))
    await expect(place.ebs('StartSnapshot', { VolumeSize: 1, ParentSnapshotId: parent })).rejects.toEqual(
      refusal('ValidationException', 'INVALID_VOLUME_SIZE'),
    )
    await expect(
      place.ebs('StartSnapshot', { VolumeSize: 2, ParentSnapshotId: parent, Encrypted: true }),
    ).rejects.toEqual(refusal('ValidationException'))
    await expect(place.ebs('StartSnapshot', { VolumeSize: 1, KmsKeyArn: await place.newKey() })).rejects.toEqual(
      refusal('ValidationException'),
    )
    await place.ec2('EnableEbsEncryptionByDefault', {})
    await expect(place.ebs('StartSnapshot', { VolumeSize: 2, ParentSnapshotId: parent })).rejects.toEqual(
      refusal('ValidationException'),
    )
    const started = await place.ebs('StartSnapshot', { VolumeSize: 1 })
    expect(started).toMatchObject({ SseType: 'sse-kms', KmsKeyArn: expect.stringContaining(`:kms:${HOME}:`) })
  })

  it('limits the blocks a second of one snapshot', async () => {
    const { at, clock } = testPlaces({ blockRate: 3 })
    const place = at(OURS)
    const volume = await place.volume()
    place.write(volume, 0, 1)
    const SnapshotId = await place.snapshot(volume)
    const { Blocks = [] } = await place.ebs('ListSnapshotBlocks', { SnapshotId })
    const { BlockToken } = Blocks[0]!
    const get = () => place.ebs('GetSnapshotBlock', { SnapshotId, BlockIndex: 0, BlockToken })
    for (let count = 0; count < 3; count += 1) await get()
    await expect(get()).rejects.toEqual(refusal('RequestThrottledException', 'RESOURCE_LEVEL_THROTTLE'))
    await clock.advance(334)
    await get()
  })
})
