/** Volumes, snapshots, images and half-written snapshots in two lives of one account, everything in the middle of a change. */
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteSnapshotCommand,
  EBSClient,
  GetSnapshotBlockCommand,
  ListChangedBlocksCommand,
  ListSnapshotBlocksCommand,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs'
import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  EC2Client,
  LockSnapshotCommand,
  ModifySnapshotAttributeCommand,
  ModifyVolumeCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { savedTimeMs, startAccount, type Account } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

const BLOCK_BYTES = 512 * 1024
const MINUTE_MS = 60_000
const THEIRS = '444455556666'
const data = mkdtempSync(join(tmpdir(), 'ebs-data-'))

const start = (): Promise<Account> =>
  startAccount({ data, clock: manualClock(savedTimeMs(data) ?? Date.UTC(2026, 2, 1)), limits: 'none' })

let account: Account
let ec2: EC2Client
let ebs: EBSClient

async function live(): Promise<void> {
  account = await start()
  const { endpoint, region, credentials } = account
  ec2 = new EC2Client({ endpoint, region, credentials, maxAttempts: 1 })
  ebs = new EBSClient({ endpoint, region, credentials, maxAttempts: 1 })
}

const passMinutes = (count: number) => account.clock.advance(count * MINUTE_MS)
const blockOf = (byte: number): Buffer => Buffer.alloc(BLOCK_BYTES, byte)

/** Fills a block of a volume with this byte, as its guest would. */
function write(volumeId: string, index: number, byte: number): void {
  const file = openSync(account.ec2.volumePath(volumeId), 'r+')
  writeSync(file, blockOf(byte), 0, BLOCK_BYTES, index * BLOCK_BYTES)
  closeSync(file)
}

function firstByte(volumeId: string, index: number): number | undefined {
  const bytes = Buffer.alloc(1)
  const file = openSync(account.ec2.volumePath(volumeId), 'r')
  readSync(file, bytes, 0, 1, index * BLOCK_BYTES)
  closeSync(file)
  return bytes[0]
}

async function volume(request: object): Promise<string> {
  const zone = { AvailabilityZone: `${account.region}a`, VolumeType: 'gp3' as const }
  return (await ec2.send(new CreateVolumeCommand({ ...zone, ...request }))).VolumeId ?? ''
}

const snapshot = async (VolumeId: string): Promise<string> =>
  (await ec2.send(new CreateSnapshotCommand({ VolumeId }))).SnapshotId ?? ''

const put = (SnapshotId: string, BlockIndex: number, byte: number) =>
  ebs.send(
    new PutSnapshotBlockCommand({
      SnapshotId,
      BlockIndex,
      BlockData: blockOf(byte),
      DataLength: BLOCK_BYTES,
      Checksum: createHash('sha256').update(blockOf(byte)).digest('base64'),
      ChecksumAlgorithm: 'SHA256',
    }),
  )

const snapshotOf = async (id: string) =>
  (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))).Snapshots?.[0]
const volumeOf = async (id: string) => (await ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] }))).Volumes?.[0]
const blocksOf = async (SnapshotId: string) =>
  (await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }))).Blocks ?? []
const indexesOf = async (id: string) => (await blocksOf(id)).map(({ BlockIndex }) => BlockIndex)

/** What the first life leaves, by what it was in the middle of. */
const left = {
  source: '',
  first: '',
  pending: '',
  deleted: '',
  copy: '',
  creating: '',
  written: '',
  idle: '',
  image: '',
  token: '',
}
const WRITTEN = () => ({ VolumeSize: 1, ParentSnapshotId: left.first, ClientToken: 'once' })

beforeAll(async () => {
  await live()
  left.source = await volume({ Size: 1 })
  await passMinutes(1)
  write(left.source, 0, 1)
  write(left.source, 7, 1)
  left.first = await snapshot(left.source)
  await passMinutes(5)
  await ec2.send(
    new ModifySnapshotAttributeCommand({ SnapshotId: left.first, OperationType: 'add', UserIds: [THEIRS] }),
  )
  const mapping = { DeviceName: '/dev/xvda', Ebs: { SnapshotId: left.first } }
  const image = { Name: 'kept', RootDeviceName: '/dev/xvda', BlockDeviceMappings: [mapping] }
  left.image = (await ec2.send(new RegisterImageCommand(image))).ImageId ?? ''
  left.token = (await blocksOf(left.first))[1]?.BlockToken ?? ''
  left.idle = (await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, Timeout: 20 }))).SnapshotId ?? ''
  await put(left.idle, 0, 9)
  await passMinutes(5)

  left.written = (await ebs.send(new StartSnapshotCommand(WRITTEN()))).SnapshotId ?? ''
  await put(left.written, 5, 3)
  write(left.source, 7, 2)
  write(left.source, 8, 2)
  left.pending = await snapshot(left.source)
  await ec2.send(new LockSnapshotCommand({ SnapshotId: left.pending, LockMode: 'governance', LockDuration: 1 }))
  await account.clock.advance(15_000)
  left.deleted = await snapshot(left.source)
  await ec2.send(new DeleteSnapshotCommand({ SnapshotId: left.deleted }))
  const ofFirst = { SourceRegion: account.region, SourceSnapshotId: left.first }
  left.copy = (await ec2.send(new CopySnapshotCommand(ofFirst))).SnapshotId ?? ''
  await ec2.send(new ModifyVolumeCommand({ VolumeId: left.source, Size: 2 }))
  left.creating = await volume({ SnapshotId: left.first, Size: 3, ClientToken: 'once' })
  await account.close()
  await live()
})
afterAll(async () => {
  await account.close()
  rmSync(data, { recursive: true, force: true })
})

describe('after a restart of the account', () => {
  it('what was in the middle of a change is still in it', async () => {
    expect(account.isRestored).toBe(true)
    expect(await snapshotOf(left.pending)).toMatchObject({ State: 'pending' })
    expect(await snapshotOf(left.copy)).toMatchObject({ State: 'pending' })
    expect(await volumeOf(left.creating)).toMatchObject({ State: 'creating', Size: 3, SnapshotId: left.first })
    const { VolumesModifications } = await ec2.send(new DescribeVolumesModificationsCommand({}))
    expect(VolumesModifications).toMatchObject([
      { VolumeId: left.source, ModificationState: 'modifying', TargetSize: 2 },
    ])
  })

  it('goes on with the writing of a snapshot where it stood, under the same client token (AWS facts B)', async () => {
    expect((await ebs.send(new StartSnapshotCommand(WRITTEN()))).SnapshotId).toBe(left.written)
    await put(left.written, 6, 3)
    await ebs.send(new CompleteSnapshotCommand({ SnapshotId: left.written, ChangedBlocksCount: 2 }))
    await passMinutes(5)
    expect(await indexesOf(left.written)).toEqual([0, 5, 6, 7])
    const changes = { FirstSnapshotId: left.first, SecondSnapshotId: left.written }
    const { ChangedBlocks = [] } = await ebs.send(new ListChangedBlocksCommand(changes))
    expect(ChangedBlocks.map(({ BlockIndex }) => BlockIndex)).toEqual([5, 6])
  })

  it('ends in error what nobody goes on writing, when its time is over (AWS facts B)', async () => {
    expect(await snapshotOf(left.idle)).toMatchObject({ State: 'pending' })
    await passMinutes(20)
    expect(await snapshotOf(left.idle)).toMatchObject({ State: 'error' })
  })

  it('snapshots complete with the bytes of their instant, what was deleted meanwhile goes, and locks begin (AWS facts A.7, A.8)', async () => {
    expect(await snapshotOf(left.pending)).toMatchObject({ State: 'completed', Progress: '100%' })
    await expect(snapshotOf(left.deleted)).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' })
    await expect(ec2.send(new DeleteSnapshotCommand({ SnapshotId: left.pending }))).rejects.toMatchObject({
      name: 'OperationNotPermitted',
    })
    expect(await indexesOf(left.pending)).toEqual([0, 7, 8])
    expect(await snapshotOf(left.copy)).toMatchObject({ State: 'completed' })
    expect(await indexesOf(left.copy)).toEqual([0, 7])
  })

  it('lineages go on: the next snapshot differs from those before by what was written since (AWS facts A.3)', async () => {
    write(left.source, 3_000, 4)
    const next = await snapshot(left.source)
    await passMinutes(5)
    const changesSince = async (FirstSnapshotId: string) => {
      const request = new ListChangedBlocksCommand({ FirstSnapshotId, SecondSnapshotId: next })
      return (await ebs.send(request)).ChangedBlocks?.map(({ BlockIndex }) => BlockIndex)
    }
    expect(await changesSince(left.first)).toEqual([7, 8, 3_000])
    expect(await changesSince(left.pending)).toEqual([3_000])
  })

  it('volumes become what they were to be, with their bytes and their size (AWS facts A.12)', async () => {
    expect(await volumeOf(left.creating)).toMatchObject({ State: 'available', Size: 3 })
    expect([0, 7, 8].map((index) => firstByte(left.creating, index))).toEqual([1, 1, 0])
    expect(await volumeOf(left.source)).toMatchObject({ Size: 2 })
    expect(await volume({ SnapshotId: left.first, Size: 3, ClientToken: 'once' })).toBe(left.creating)
  })

  it('tokens of blocks, shares and images are still good (AWS facts A.5, B)', async () => {
    const get = new GetSnapshotBlockCommand({ SnapshotId: left.first, BlockIndex: 7, BlockToken: left.token })
    const { BlockData } = await ebs.send(get)
    expect(Buffer.from(await BlockData!.transformToByteArray()).equals(blockOf(1))).toBe(true)
    const attribute = { SnapshotId: left.first, Attribute: 'createVolumePermission' as const }
    const { CreateVolumePermissions } = await ec2.send(new DescribeSnapshotAttributeCommand(attribute))
    expect(CreateVolumePermissions).toEqual([{ UserId: THEIRS }])
    const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [left.image] }))
    expect(Images).toMatchObject([{ Name: 'kept', State: 'available' }])
    await expect(ec2.send(new DeleteSnapshotCommand({ SnapshotId: left.first }))).rejects.toMatchObject({
      name: 'InvalidSnapshot.InUse',
    })
  })
})
