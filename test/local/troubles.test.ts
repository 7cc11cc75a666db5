/** Troubles that a person causes by name over the control endpoint, and what an unmodified client then sees. */
import * as sdk from '@aws-sdk/client-ec2'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

const REGION = 'eu-central-1'
const ZONE = `${REGION}a`
const IMAGE = 'ami-0123456789abcdef0'
const MINUTE_MS = 60_000

let account: Account
let ec2: sdk.EC2Client

beforeAll(async () => {
  account = await startAccount({ clock: manualClock(Date.UTC(2026, 2, 1)), limits: 'none' })
  ec2 = new sdk.EC2Client(settings())
  const image = { imageId: IMAGE, rootDeviceName: '/dev/xvda', rootDeviceType: 'ebs' as const, rootSizeGiB: 1 }
  account.ec2.registerImage(image)
})
afterAll(() => account.close())
afterEach(() => expect(account.faults.unused).toBe(0))

const settings = () => ({
  endpoint: account.endpoint,
  region: REGION,
  credentials: account.credentials,
  maxAttempts: 1,
})

async function post(resource: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${account.endpoint}/_account/${resource}`, request)
  if (answer.status !== 200) throw new Error(await answer.text())
}

const cause = (name: string, more: object): Promise<void> => post('troubles', { name, ...more })
const passMinutes = (count: number) => account.clock.advance(count * MINUTE_MS)

async function volume(more: object = {}): Promise<string> {
  const request = { AvailabilityZone: ZONE, Size: 1, VolumeType: 'gp3' as const, ...more }
  const { VolumeId = '' } = await ec2.send(new sdk.CreateVolumeCommand(request))
  await passMinutes(1)
  return VolumeId
}

async function launch(more: object = {}): Promise<string> {
  const request = { ImageId: IMAGE, MinCount: 1, MaxCount: 1, InstanceType: 'm5.large' as const, ...more }
  const { Instances = [] } = await ec2.send(new sdk.RunInstancesCommand(request))
  await passMinutes(1)
  return Instances[0]?.InstanceId ?? ''
}

async function described(id: string): Promise<sdk.Instance> {
  const { Reservations } = await ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [id] }))
  return Reservations![0]!.Instances![0]!
}

async function volumeState(id: string): Promise<string | undefined> {
  const Filters = [{ Name: 'volume-id', Values: [id] }]
  return (await ec2.send(new sdk.DescribeVolumesCommand({ Filters }))).Volumes?.[0]?.State
}

const rejection = (name: string, httpStatusCode = 400) => ({ name, $metadata: { httpStatusCode } })

describe('troubles of disks', () => {
  it('failKey: what EBS makes under the key fails as often as told, then no more (AWS facts A.12, G)', async () => {
    const { KeyMetadata } = await new KMSClient(settings()).send(new CreateKeyCommand({}))
    const key = KeyMetadata?.Arn ?? ''
    const secret = { Encrypted: true, KmsKeyId: key }
    await cause('failKey', { key, times: 2 })
    expect(await volumeState(await volume(secret))).toBeUndefined()
    const root = [{ DeviceName: '/dev/xvda', Ebs: secret }]
    expect(await described(await launch({ BlockDeviceMappings: root }))).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Client.InternalError' },
    })
    expect(await volumeState(await volume(secret))).toBe('available')
  })

  it('lackVolumes: a zone has no room, or none of a type, until told otherwise (AWS facts A.12, A.21)', async () => {
    await cause('lackVolumes', { zone: ZONE })
    await expect(volume()).rejects.toMatchObject(rejection('InsufficientVolumeCapacity', 500))
    await expect(launch()).rejects.toMatchObject(rejection('InsufficientVolumeCapacity', 500))
    expect(await volumeState(await volume({ AvailabilityZone: `${REGION}b` }))).toBe('available')
    await cause('lackVolumes', { zone: ZONE, lacks: false })
    await cause('lackVolumes', { zone: ZONE, type: 'io2' })
    const fast = { VolumeType: 'io2', Size: 4, Iops: 100 }
    await expect(volume(fast)).rejects.toMatchObject(rejection('VolumeTypeNotAvailableInZone'))
    expect(await volumeState(await volume())).toBe('available')
    await cause('lackVolumes', { zone: ZONE, type: 'io2', lacks: false })
    expect(await volumeState(await volume(fast))).toBe('available')
  })

  it('stickDetach and releaseDetach: a detach does not end until it is let go (AWS facts A.14)', async () => {
    const InstanceId = await launch()
    const VolumeId = await volume()
    await ec2.send(new sdk.AttachVolumeCommand({ InstanceId, VolumeId, Device: '/dev/sdf' }))
    await passMinutes(1)
    await cause('stickDetach', { volumeId: VolumeId })
    await ec2.send(new sdk.DetachVolumeCommand({ VolumeId }))
    await passMinutes(60)
    const { Volumes } = await ec2.send(new sdk.DescribeVolumesCommand({ VolumeIds: [VolumeId] }))
    expect(Volumes).toMatchObject([{ State: 'in-use', Attachments: [{ State: 'busy' }] }])
    await cause('releaseDetach', { volumeId: VolumeId })
    expect(await volumeState(VolumeId)).toBe('available')
    await expect(cause('releaseDetach', { volumeId: VolumeId })).rejects.toThrow(/is stuck/)
  })

  it('failRootReplacement: the task fails, and in the worst case leaves no root (AWS facts A.16)', async () => {
    const instanceId = await launch()
    const replace = async () => {
      await ec2.send(new sdk.CreateReplaceRootVolumeTaskCommand({ InstanceId: instanceId }))
      await passMinutes(2)
      const Filters = [{ Name: 'instance-id', Values: [instanceId] }]
      const { ReplaceRootVolumeTasks: tasks = [] } = await ec2.send(
        new sdk.DescribeReplaceRootVolumeTasksCommand({ Filters }),
      )
      return tasks.at(-1)?.TaskState
    }
    await cause('failRootReplacement', { instanceId })
    expect(await replace()).toBe('failed')
    expect(await replace()).toBe('succeeded')
    await cause('failRootReplacement', { instanceId, how: 'failed-detached' })
    expect(await replace()).toBe('failed-detached')
    expect((await described(instanceId)).BlockDeviceMappings).toEqual([])
  })
})

describe('troubles of machines', () => {
  it('lackCapacity: no instance of that kind, as often as told (AWS facts A.17)', async () => {
    await cause('lackCapacity', { type: 'm5.large', zone: ZONE, on: 'start', times: 2 })
    const InstanceId = await launch()
    await ec2.send(new sdk.StopInstancesCommand({ InstanceIds: [InstanceId] }))
    await passMinutes(1)
    const start = () => ec2.send(new sdk.StartInstancesCommand({ InstanceIds: [InstanceId] }))
    for (let count = 0; count < 2; count += 1)
      await expect(start()).rejects.toMatchObject(rejection('InsufficientInstanceCapacity', 500))
    await start()
    await cause('lackCapacity', { on: 'launch', room: 1 })
    const { Instances } = await ec2.send(new sdk.RunInstancesCommand({ ImageId: IMAGE, MinCount: 1, MaxCount: 3 }))
    expect(Instances).toHaveLength(1)
  })

  it('failLaunch: the launch passes, and ends terminated with this reason (AWS facts A.17)', async () => {
    await cause('failLaunch', { code: 'Server.InsufficientInstanceCapacity' })
    expect(await described(await launch())).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Server.InsufficientInstanceCapacity' },
    })
    expect(await described(await launch())).toMatchObject({ State: { Name: 'running' } })
  })

  it('interruptSpot: the instance goes two minutes after its warning (AWS facts A.17)', async () => {
    const instanceId = await launch({ InstanceMarketOptions: { MarketType: 'spot' } })
    await cause('interruptSpot', { instanceId })
    await passMinutes(1)
    expect(await described(instanceId)).toMatchObject({ State: { Name: 'running' } })
    await passMinutes(2)
    expect(await described(instanceId)).toMatchObject({
      State: { Name: 'terminated' },
      StateReason: { Code: 'Server.SpotInstanceTermination' },
    })
  })

  it('impair: each of the three status checks for itself, until it is taken back (AWS facts A.17)', async () => {
    const instanceId = await launch()
    await passMinutes(5)
    const checks = async () => {
      const request = new sdk.DescribeInstanceStatusCommand({ InstanceIds: [instanceId] })
      const [status] = (await ec2.send(request)).InstanceStatuses ?? []
      return [status?.InstanceStatus, status?.SystemStatus, status?.AttachedEbsStatus].map((one) => one?.Status)
    }
    expect(await checks()).toEqual(['ok', 'ok', 'ok'])
    await cause('impair', { instanceId, check: 'ebs' })
    expect(await checks()).toEqual(['ok', 'ok', 'impaired'])
    await cause('impair', { instanceId, check: 'system' })
    await cause('impair', { instanceId, check: 'ebs', impaired: false })
    expect(await checks()).toEqual(['ok', 'impaired', 'ok'])
    await cause('impair', { instanceId, check: 'system', impaired: false })
    await cause('impair', { instanceId })
    expect(await checks()).toEqual(['impaired', 'ok', 'ok'])
  })

  it('kill: the guest is gone at once, and its status checks find it', async () => {
    const instanceId = await launch()
    await passMinutes(5)
    await post('kill', { instanceId, cause: 'host failure' })
    await passMinutes(5)
    const { InstanceStatuses } = await ec2.send(new sdk.DescribeInstanceStatusCommand({ InstanceIds: [instanceId] }))
    expect(InstanceStatuses).toMatchObject([
      { InstanceState: { Name: 'running' }, SystemStatus: { Status: 'impaired' } },
    ])
  })

  it('setTags: tags of AWS’s own services, which CreateTags refuses', async () => {
    const instanceId = await launch()
    const tags = { 'aws:autoscaling:groupName': 'web' }
    const Tags = [{ Key: 'aws:autoscaling:groupName', Value: 'web' }]
    const create = new sdk.CreateTagsCommand({ Resources: [instanceId], Tags })
    await expect(ec2.send(create)).rejects.toMatchObject(rejection('InvalidParameterValue'))
    await cause('setTags', { resourceId: instanceId, tags })
    expect((await described(instanceId)).Tags).toEqual(Tags)
  })

  it('beLate: new ids are not known for a while (AWS facts A.19)', async () => {
    await cause('beLate', { idsMs: 10_000, tagsMs: 10_000, seed: 'one' })
    const { VolumeId = '' } = await ec2.send(new sdk.CreateVolumeCommand({ AvailabilityZone: ZONE, Size: 1 }))
    const byId = new sdk.DescribeVolumesCommand({ VolumeIds: [VolumeId] })
    await expect(ec2.send(byId)).rejects.toMatchObject(rejection('InvalidVolume.NotFound'))
    await account.clock.advance(10_000)
    expect((await ec2.send(byId)).Volumes).toHaveLength(1)
    await cause('beLate', { idsMs: 0, tagsMs: 0 })
    const next = await ec2.send(new sdk.CreateVolumeCommand({ AvailabilityZone: ZONE, Size: 1 }))
    expect(await volumeState(next.VolumeId ?? '')).toBe('creating')
  })
})

describe('a call that is duplicated', () => {
  it('carries out an upload twice, with the same bytes each time', async () => {
    const s3 = new S3Client({ ...settings(), forcePathStyle: true })
    const Bucket = 'twice'
    await s3.send(new CreateBucketCommand({ Bucket }))
    const VersioningConfiguration = { Status: 'Enabled' as const }
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
    const target = { service: 's3', operation: 'PutObject' }
    await post('faults', { on: 'call', target, effect: { kind: 'duplicate' } })
    await s3.send(new PutObjectCommand({ Bucket, Key: 'one', Body: 'the same', ChecksumAlgorithm: 'SHA256' }))
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }))
    expect(Versions).toHaveLength(2)
    for (const { VersionId } of Versions) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'one', VersionId }))
      expect(await Body?.transformToString()).toBe('the same')
    }
  })
})
