/** What EBS does with keys in the caller's name, over the wire: with a user whose permissions change from test to test. */
import { createHash } from 'node:crypto'
import {
  CompleteSnapshotCommand,
  EBSClient,
  GetSnapshotBlockCommand,
  ListSnapshotBlocksCommand,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs'
import {
  AttachVolumeCommand,
  CopySnapshotCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeReplaceRootVolumeTasksCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import type { EbsBlockDevice } from '@aws-sdk/client-ec2'
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam'
import { CreateGrantCommand, CreateKeyCommand, KMSClient, RevokeGrantCommand } from '@aws-sdk/client-kms'
import type { GrantOperation } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

const REGION = 'eu-central-1'
const USER = 'arn:aws:iam::111122223333:user/ada'
const IMAGE = 'ami-0123456789abcdef0'
const BLOCK_BYTES = 512 * 1024
const MINUTE_MS = 60_000

let account: Account
let key: string
let iam: IAMClient
let kms: KMSClient
/** The administrator's, and Ada's. */
let ec2: EC2Client
let hers: EC2Client
let ebs: EBSClient

const passMinutes = (count: number) => account.clock.advance(count * MINUTE_MS)

type Statement = Readonly<Record<string, unknown>>

/** From now on Ada may do everything with disks and machines, and with keys what is said here. */
async function letAda(...withKeys: Statement[]): Promise<void> {
  const disks = { Effect: 'Allow', Resource: '*', Action: ['ec2:*', 'ebs:*'] }
  const Statement = [disks, ...withKeys.map((statement) => ({ Effect: 'Allow', Resource: key, ...statement }))]
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
  await iam.send(new PutUserPolicyCommand({ UserName: 'ada', PolicyName: 'now', PolicyDocument }))
}

const THROUGH_EC2 = { StringEquals: { 'kms:ViaService': `ec2.${REGION}.amazonaws.com` } }
/** What AWS's documentation gives to who starts and attaches encrypted disks (AWS facts G). */
const USE_OF_DISKS: readonly Statement[] = [
  { Action: ['kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncrypt*'], Condition: THROUGH_EC2 },
  { Action: 'kms:CreateGrant', Condition: { ...THROUGH_EC2, Bool: { 'kms:GrantIsForAWSResource': 'true' } } },
]

beforeAll(async () => {
  account = await startAccount({ clock: manualClock(Date.UTC(2026, 2, 1)) })
  const { endpoint, credentials } = account
  const settings = { endpoint, region: REGION, maxAttempts: 1 }
  iam = new IAMClient({ ...settings, credentials })
  kms = new KMSClient({ ...settings, credentials })
  ec2 = new EC2Client({ ...settings, credentials })
  await iam.send(new CreateUserCommand({ UserName: 'ada' }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'ada' }))
  const ada = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! }
  hers = new EC2Client({ ...settings, credentials: ada })
  ebs = new EBSClient({ ...settings, credentials: ada })
  key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn!
  const image = { imageId: IMAGE, rootDeviceName: '/dev/xvda', rootDeviceType: 'ebs' as const, rootSizeGiB: 1 }
  account.ec2.registerImage(image)
})
afterAll(() => account.close())
beforeEach(() => letAda())

async function launched(client: EC2Client, root: EbsBlockDevice = { Encrypted: true, KmsKeyId: key }) {
  const BlockDeviceMappings = [{ DeviceName: '/dev/xvda', Ebs: root }]
  const request = { ImageId: IMAGE, MinCount: 1, MaxCount: 1, BlockDeviceMappings }
  const { Instances } = await client.send(new RunInstancesCommand(request))
  await passMinutes(1)
  return described(Instances![0]!.InstanceId!)
}

async function described(id: string) {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))
  return Reservations![0]!.Instances![0]!
}

async function volume(client: EC2Client, more: object = { Encrypted: true, KmsKeyId: key }): Promise<string> {
  const made = await client.send(new CreateVolumeCommand({ AvailabilityZone: `${REGION}a`, Size: 1, ...more }))
  await passMinutes(1)
  return made.VolumeId!
}

const volumeState = async (id: string) =>
  (await ec2.send(new DescribeVolumesCommand({ Filters: [{ Name: 'volume-id', Values: [id] }] }))).Volumes?.[0]?.State

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')

async function write(id: string, index: number, bytes: Uint8Array): Promise<void> {
  const block = { DataLength: BLOCK_BYTES, Checksum: digest(bytes), ChecksumAlgorithm: 'SHA256' as const }
  await ebs.send(new PutSnapshotBlockCommand({ SnapshotId: id, BlockIndex: index, BlockData: bytes, ...block }))
}

/** A completed snapshot of one block that Ada wrote. */
async function snapshot(bytes: Uint8Array, encrypted = true): Promise<string> {
  const encryption = encrypted ? { Encrypted: true, KmsKeyArn: key } : {}
  const { SnapshotId = '' } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, ...encryption }))
  await write(SnapshotId, 3, bytes)
  await ebs.send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: 1 }))
  await passMinutes(5)
  return SnapshotId
}

describe('a caller without the key', () => {
  it('launches in vain: the instance ends terminated with Client.InternalError (AWS facts A.17, G)', async () => {
    const lost = await launched(hers)
    expect(lost).toMatchObject({ State: { Name: 'terminated' }, StateReason: { Code: 'Client.InternalError' } })
    expect(account.ec2.counts()).toMatchObject({ volumes: 0, instances: 0 })
    await letAda(USE_OF_DISKS[0]!, {
      Action: 'kms:CreateGrant',
      Condition: { Bool: { 'kms:GrantIsForAWSResource': 'false' } },
    })
    expect(await launched(hers)).toMatchObject({ State: { Name: 'terminated' } })
    await letAda(...USE_OF_DISKS)
    expect(await launched(hers)).toMatchObject({ State: { Name: 'running' } })
  })

  it('starts in vain: the instance falls back to stopped; and attaches in vain: the volume is free again (AWS facts A.18, G)', async () => {
    const { InstanceId = '' } = await launched(ec2)
    const data = await volume(ec2)
    await hers.send(new AttachVolumeCommand({ InstanceId, VolumeId: data, Device: '/dev/sdf' }))
    expect(await volumeState(data)).toBe('in-use')
    await passMinutes(1)
    expect(await volumeState(data)).toBe('available')
    await hers.send(new StopInstancesCommand({ InstanceIds: [InstanceId] }))
    await passMinutes(1)
    await hers.send(new StartInstancesCommand({ InstanceIds: [InstanceId] }))
    await passMinutes(1)
    const fallen = { State: { Name: 'stopped' }, StateReason: { Code: 'Client.InternalError' } }
    expect(await described(InstanceId)).toMatchObject(fallen)
    await letAda(...USE_OF_DISKS)
    await hers.send(new AttachVolumeCommand({ InstanceId, VolumeId: data, Device: '/dev/sdf' }))
    await hers.send(new StartInstancesCommand({ InstanceIds: [InstanceId] }))
    await passMinutes(1)
    expect(await described(InstanceId)).toMatchObject({ State: { Name: 'running' } })
    expect(await volumeState(data)).toBe('in-use')
  })

  it('makes a volume that vanishes, and a copy that ends in error and says why (AWS facts A.6, A.12)', async () => {
    expect(await volumeState(await volume(hers))).toBeUndefined()
    await letAda(...USE_OF_DISKS)
    const source = await snapshot(new Uint8Array(BLOCK_BYTES).fill(1))
    await letAda()
    const request = { SourceRegion: REGION, SourceSnapshotId: source, Encrypted: true, KmsKeyId: key }
    const { SnapshotId = '' } = await hers.send(new CopySnapshotCommand(request))
    await passMinutes(10)
    const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))
    expect(Snapshots).toMatchObject([{ State: 'error', StateMessage: 'Given key ID is not accessible' }])
  })

  it('replaces a root in vain: the task fails, and the machine keeps its root (AWS facts A.16, G)', async () => {
    const before = await launched(ec2)
    const { InstanceId = '' } = before
    await hers.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId }))
    await passMinutes(2)
    const { ReplaceRootVolumeTasks: tasks } = await ec2.send(new DescribeReplaceRootVolumeTasksCommand({}))
    expect(tasks).toMatchObject([{ InstanceId, TaskState: 'failed' }])
    const after = await described(InstanceId)
    expect(after.State?.Name).toBe('running')
    expect(after.BlockDeviceMappings).toEqual(before.BlockDeviceMappings)
  })
})

const grant = (...Operations: GrantOperation[]) =>
  kms.send(new CreateGrantCommand({ KeyId: key, GranteePrincipal: USER, Operations }))

describe('grants of a key', () => {
  it('let who has no policy for it use the key, for what they name, until they are revoked (AWS facts G)', async () => {
    const { GrantId } = await grant('CreateGrant')
    expect(await volumeState(await volume(hers))).toBeUndefined()
    const { GrantId: second } = await grant('GenerateDataKeyWithoutPlaintext')
    expect(await volumeState(await volume(hers))).toBe('available')
    await kms.send(new RevokeGrantCommand({ KeyId: key, GrantId }))
    expect(await volumeState(await volume(hers))).toBeUndefined()
    await kms.send(new RevokeGrantCommand({ KeyId: key, GrantId: second }))
  })

  it('do not help against an explicit denial (AWS facts G)', async () => {
    const { GrantId } = await grant('CreateGrant', 'GenerateDataKeyWithoutPlaintext')
    await letAda({ Effect: 'Deny', Action: 'kms:CreateGrant' })
    expect(await volumeState(await volume(hers))).toBeUndefined()
    await kms.send(new RevokeGrantCommand({ KeyId: key, GrantId }))
  })
})

describe('the EBS direct APIs, called by the SDK (AWS facts B)', () => {
  it('give back the blocks that were put', async () => {
    const bytes = new Uint8Array(BLOCK_BYTES).map((_, index) => index % 251)
    const SnapshotId = await snapshot(bytes, false)
    const { Blocks = [], BlockSize } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }))
    expect([Blocks.map(({ BlockIndex }) => BlockIndex), BlockSize]).toEqual([[3], BLOCK_BYTES])
    const get = new GetSnapshotBlockCommand({ SnapshotId, BlockIndex: 3, BlockToken: Blocks[0]?.BlockToken })
    const block = await ebs.send(get)
    expect(block).toMatchObject({ DataLength: BLOCK_BYTES, Checksum: digest(bytes), ChecksumAlgorithm: 'SHA256' })
    expect(await block.BlockData!.transformToByteArray()).toEqual(bytes)
  })

  it('ask for the key of what they read and write, a parent’s too', async () => {
    await letAda(...USE_OF_DISKS)
    const SnapshotId = await snapshot(new Uint8Array(BLOCK_BYTES).fill(2))
    const { Blocks = [] } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }))
    await letAda()
    const get = new GetSnapshotBlockCommand({ SnapshotId, BlockIndex: 3, BlockToken: Blocks[0]?.BlockToken })
    const refusal = { name: 'AccessDeniedException', $metadata: { httpStatusCode: 403 } }
    await expect(ebs.send(get)).rejects.toMatchObject(refusal)
    const underKey = new StartSnapshotCommand({ VolumeSize: 1, Encrypted: true, KmsKeyArn: key })
    await expect(ebs.send(underKey)).rejects.toMatchObject(refusal)
    const underParent = new StartSnapshotCommand({ VolumeSize: 1, ParentSnapshotId: SnapshotId })
    await expect(ebs.send(underParent)).rejects.toMatchObject(refusal)
    await letAda(...USE_OF_DISKS)
    expect(await ebs.send(underParent)).toMatchObject({ KmsKeyArn: key, SseType: 'sse-kms' })
  })

  it('are not stopped by denials of EC2’s actions, but by those of their own, by the snapshot’s tags', async () => {
    const SnapshotId = await snapshot(new Uint8Array(BLOCK_BYTES).fill(3), false)
    const list = new ListSnapshotBlocksCommand({ SnapshotId })
    await letAda({ Effect: 'Deny', Action: 'ec2:*', Resource: '*' })
    expect((await ebs.send(list)).Blocks).toHaveLength(1)
    const isSecret = { StringEquals: { 'aws:ResourceTag/secret': 'yes' } }
    await letAda({ Effect: 'Deny', Action: 'ebs:*', Resource: '*', Condition: isSecret })
    expect((await ebs.send(list)).Blocks).toHaveLength(1)
    account.ec2.setTags(SnapshotId, { secret: 'yes' })
    await expect(ebs.send(list)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('are refused past the rate of the account, in one bucket for each action (AWS facts A.20, B)', async () => {
    const SnapshotId = await snapshot(new Uint8Array(BLOCK_BYTES).fill(4), false)
    const list = new ListSnapshotBlocksCommand({ SnapshotId })
    await passMinutes(1)
    for (let count = 0; count < 50; count += 1) await ebs.send(list)
    await expect(ebs.send(list)).rejects.toMatchObject({
      name: 'RequestThrottledException',
      Reason: 'ACCOUNT_THROTTLED',
      $metadata: { httpStatusCode: 400 },
    })
    await account.clock.advance(100)
    for (let count = 0; count < 5; count += 1) await ebs.send(list)
    await expect(ebs.send(list)).rejects.toMatchObject({ name: 'RequestThrottledException' })
    const buckets = account.throttling.buckets().filter(({ bucket }) => bucket.startsWith('ebs:'))
    expect(Object.fromEntries(buckets.map(({ bucket, capacity }) => [bucket, capacity]))).toMatchObject({
      'ebs:GetSnapshotBlock': 1_000,
      'ebs:ListSnapshotBlocks': 50,
      'ebs:PutSnapshotBlock': 1_000,
      'ebs:StartSnapshot': 10,
    })
  })
})
