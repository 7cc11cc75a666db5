import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  paginateDescribeVolumes,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
  waitUntilSnapshotCompleted,
  waitUntilVolumeAvailable,
  waitUntilVolumeDeleted,
} from '@aws-sdk/client-ec2'
import { CreateBucketCommand, PutObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { PutParameterCommand, SSMClient, paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import { startAccount, type Account } from '../../local/account.ts'

/** What the SDK's clients bring along beside commands: waiters, and paginators. */
const IMAGE_ID = 'ami-0123456789abcdef0'
const AvailabilityZone = 'eu-central-1a'
/** The SDK waits in real time between its questions, 15 s unless told. */
const PACE = { maxWaitTime: 30, minDelay: 0.01, maxDelay: 0.1 }
let account: Account
let ec2: EC2Client

beforeAll(async () => {
  account = await startAccount()
  account.ec2.registerImage({
    imageId: IMAGE_ID,
    rootDeviceName: '/dev/sda1',
    rootDeviceType: 'ebs',
    rootSizeGiB: 1,
  })
  ec2 = new EC2Client(account)
})
afterAll(async () => {
  ec2.destroy()
  await account.close()
})

it('waits with the waiters of the SDK for machines, volumes and snapshots (AWS facts A.19)', async () => {
  const client = ec2
  const launch = { ImageId: IMAGE_ID, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 } as const
  const { Instances } = await client.send(new RunInstancesCommand(launch))
  const InstanceIds = [Instances?.[0]?.InstanceId ?? '']
  const done = { state: 'SUCCESS' }
  expect(await waitUntilInstanceRunning({ client, ...PACE }, { InstanceIds })).toMatchObject(done)
  const { VolumeId } = await client.send(new CreateVolumeCommand({ AvailabilityZone, Size: 1 }))
  expect(await waitUntilVolumeAvailable({ client, ...PACE }, { VolumeIds: [VolumeId!] })).toMatchObject(done)
  const { SnapshotId } = await client.send(new CreateSnapshotCommand({ VolumeId }))
  expect(await waitUntilSnapshotCompleted({ client, ...PACE }, { SnapshotIds: [SnapshotId!] })).toMatchObject(done)
  await client.send(new DeleteVolumeCommand({ VolumeId }))
  expect(await waitUntilVolumeDeleted({ client, ...PACE }, { VolumeIds: [VolumeId!] })).toMatchObject(done)
  await client.send(new StopInstancesCommand({ InstanceIds }))
  expect(await waitUntilInstanceStopped({ client, ...PACE }, { InstanceIds })).toMatchObject(done)
  await client.send(new TerminateInstancesCommand({ InstanceIds }))
  expect(await waitUntilInstanceTerminated({ client, ...PACE }, { InstanceIds })).toMatchObject(done)
  // A terminated machine never runs: the waiter gives up instead of asking on.
  await expect(waitUntilInstanceRunning({ client, ...PACE }, { InstanceIds })).rejects.toThrow(/FAILURE/)
})

it('pages with the paginators of the SDK to the last item and no further', async () => {
  const made: (string | undefined)[] = []
  for (let index = 0; index < 11; index += 1)
    made.push((await ec2.send(new CreateVolumeCommand({ AvailabilityZone, Size: 1 }))).VolumeId)
  const Filters = [{ Name: 'size', Values: ['1'] }]
  const volumes: (string | undefined)[][] = []
  for await (const page of paginateDescribeVolumes({ client: ec2, pageSize: 5 }, { Filters }))
    volumes.push((page.Volumes ?? []).map(({ VolumeId }) => VolumeId))
  expect(volumes.map((page) => page.length)).toEqual([5, 5, 1])
  expect(volumes.flat()).toEqual(made)

  const s3 = new S3Client(account)
  await s3.send(new CreateBucketCommand({ Bucket: 'paged' }))
  const keys = ['a', 'b/1', 'b/2', 'c d', 'ü']
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'paged', Key, Body: Key }))
  const objects: (string | undefined)[] = []
  for await (const { Contents } of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket: 'paged' }))
    objects.push(...(Contents ?? []).map(({ Key }) => Key))
  expect(objects).toEqual(keys)
  s3.destroy()

  const ssm = new SSMClient(account)
  const names = Array.from({ length: 12 }, (_, index) => `/paged/${String(index).padStart(2, '0')}`)
  for (const Name of names) await ssm.send(new PutParameterCommand({ Name, Value: 'x', Type: 'String' }))
  const parameters: (string | undefined)[] = []
  for await (const page of paginateGetParametersByPath({ client: ssm, pageSize: 10 }, { Path: '/paged' }))
    parameters.push(...(page.Parameters ?? []).map(({ Name }) => Name))
  expect(new Set(parameters)).toEqual(new Set(names))
  ssm.destroy()
})
