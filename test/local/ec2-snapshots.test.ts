import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'
import { createSet, read, write } from './ec2-disks.ts'

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000', '')

const arn = (snapshotId: string | undefined): string => `arn:aws:ec2::eu-central-1:snapshot/${snapshotId}`

const snapshotsOf = async (account: TestAccount, ids: string[]) =>
  (await account.call('DescribeSnapshots', { SnapshotIds: ids })).Snapshots!

test('a set completes member by member, and tells its end once, letter for letter (AWS facts A.1, A.18)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const [root, data] = [await account.volumeAt(id, '/dev/xvda'), await account.volumeAt(id, '/dev/sdf')]
  const startMs = account.clock.now()
  const { Snapshots = [] } = await account.call('CreateSnapshots', {
    InstanceSpecification: { InstanceId: id },
    Description: 'a point',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'point', Value: '1' }] }],
  })
  expect(Snapshots).toMatchObject([
    { VolumeId: root, State: 'pending', Progress: '', StartTime: new Date(startMs), Description: 'a point' },
    {
      VolumeId: data,
      State: 'pending',
      Progress: '',
      StartTime: new Date(startMs),
      Tags: [{ Key: 'point', Value: '1' }],
    },
  ])
  const ids = Snapshots.map(({ SnapshotId }) => SnapshotId!)
  await account.clock.advance(30_000)
  expect(await snapshotsOf(account, ids)).toMatchObject([{ Progress: '50%' }, { Progress: '50%' }])
  account.events.length = 0
  await account.clock.advance(MINUTE_MS)
  expect(await snapshotsOf(account, ids)).toMatchObject([
    { State: 'completed', Progress: '100%' },
    { State: 'completed', Progress: '100%' },
  ])
  expect(account.events.map(({ detail }) => detail['event'])).toEqual([
    'createSnapshot',
    'createSnapshot',
    'createSnapshots',
  ])
  expect(account.events[0]).toEqual({
    source: 'aws.ec2',
    'detail-type': 'EBS Snapshot Notification',
    resources: [arn(ids[0])],
    detail: {
      event: 'createSnapshot',
      result: 'succeeded',
      cause: '',
      'request-id': '',
      snapshot_id: arn(ids[0]),
      source: `arn:aws:ec2::eu-central-1:volume/${root}`,
      startTime: iso(startMs),
      endTime: iso(startMs + MINUTE_MS),
    },
  })
  expect(account.events[2]).toEqual({
    source: 'aws.ec2',
    'detail-type': 'EBS Multi-Volume Snapshots Completion Status',
    resources: ids.map(arn),
    detail: {
      event: 'createSnapshots',
      result: 'succeeded',
      cause: '',
      'request-id': '',
      startTime: iso(startMs),
      endTime: iso(startMs + MINUTE_MS),
      snapshots: [
        { snapshot_id: arn(ids[0]), source: `arn:aws:ec2::eu-central-1:volume/${root}`, status: 'completed' },
        { snapshot_id: arn(ids[1]), source: `arn:aws:ec2::eu-central-1:volume/${data}`, status: 'completed' },
      ],
    },
  })
})

test('one failed member takes the whole set with it, in a single event (AWS facts A.1, A.18)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  account.host.failSnapshot(data)
  const ids = await createSet(account, id)
  await account.clock.advance(5 * MINUTE_MS)
  expect((await snapshotsOf(account, ids)).map(({ State }) => State)).toEqual(['error', 'error'])
  const sets = account.events.filter(({ detail }) => detail['event'] === 'createSnapshots')
  expect(sets).toMatchObject([
    {
      detail: {
        result: 'failed',
        cause: `Snapshot ${ids[1]} is in status error`,
        snapshots: [{ status: 'error' }, { status: 'error' }],
      },
    },
  ])
  // The trouble is used up.
  const again = await createSet(account, id)
  await account.clock.advance(5 * MINUTE_MS)
  expect((await snapshotsOf(account, again)).map(({ State }) => State)).toEqual(['completed', 'completed'])
})

test('what is written takes its time; what has not changed since takes the least (AWS facts A.3)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  for (let offset = 0; offset < 8 * 1024 ** 2; offset += 1024 ** 2)
    write(account.host.volumePath(data), 'x'.repeat(1024 ** 2), offset)
  const completion = async (): Promise<number> => {
    const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: data })
    const startMs = account.clock.now()
    await account.clock.advance(2 * MINUTE_MS)
    const [snapshot] = await snapshotsOf(account, [SnapshotId!])
    return snapshot!.CompletionTime!.getTime() - startMs
  }
  const first = await completion()
  // 8 MiB ÷ 64 MiB/s = 125 ms, and a little for what the file system itself needs.
  expect(first).toBeGreaterThanOrEqual(60_125)
  expect(first).toBeLessThan(60_200)
  expect(await completion()).toBe(60_000)
})

test('a volume made from a snapshot has its bytes, grown, and stays sparse (AWS facts A.12)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  write(account.host.volumePath(data), 'kept', 512 * 1024 ** 2)
  const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: data })
  const create = (more: object = {}) => account.call('CreateVolume', { AvailabilityZone: ZONE, SnapshotId, ...more })
  await expect(create()).rejects.toMatchObject({
    code: 'IncorrectState',
    message: 'Snapshot is in invalid state - pending',
  })
  await account.clock.advance(2 * MINUTE_MS)
  const { VolumeId } = await create({ Size: 2 })
  await account.clock.advance(10_000)
  const path = account.host.volumePath(VolumeId!)
  expect(read(path, 4, 512 * 1024 ** 2)).toBe('kept')
  const { size, blocks } = statSync(path)
  expect(size).toBe(2 * 1024 ** 3)
  expect(blocks * 512).toBeLessThan(1024 ** 2)
})

test('a snapshot may be deleted as soon as volumes are being made from it (AWS facts A.7)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  write(account.host.volumePath(data), 'kept')
  const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: data })
  await account.clock.advance(2 * MINUTE_MS)
  const creating = Array.from({ length: 8 }, () => account.call('CreateVolume', { AvailabilityZone: ZONE, SnapshotId }))
  const deleting = account.call('DeleteSnapshot', { SnapshotId: SnapshotId! })
  const volumes = await Promise.all(creating)
  await deleting
  await account.clock.advance(10_000)
  for (const { VolumeId } of volumes) expect(read(account.host.volumePath(VolumeId!), 4)).toBe('kept')
})

test('a volume whose making is planned to fail ends in error, says so, and can be deleted', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const [snapshotId] = await createSet(account, id)
  await account.clock.advance(2 * MINUTE_MS)
  account.host.failVolumeCreation(snapshotId!)
  account.told()
  const { VolumeId } = await account.call('CreateVolume', { AvailabilityZone: ZONE, SnapshotId: snapshotId })
  await account.clock.advance(10_000)
  expect((await account.call('DescribeVolumes', { VolumeIds: [VolumeId!] })).Volumes![0]!.State).toBe('error')
  expect(account.told()).toEqual(['createVolume failed'])
  await account.call('DeleteVolume', { VolumeId: VolumeId! })
  await account.clock.advance(10_000)
  expect(account.told()).toEqual(['deleteVolume deleted'])
})

test('a set leaves out what it is told to, and refuses the root among the data volumes (AWS facts A.1)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const [root, data] = [await account.volumeAt(id, '/dev/xvda'), await account.volumeAt(id, '/dev/sdf')]
  const volumesOf = async (specification: object) => {
    const answer = await account.call('CreateSnapshots', {
      InstanceSpecification: { InstanceId: id, ...specification },
    })
    await account.clock.advance(MINUTE_MS)
    return answer.Snapshots!.map(({ VolumeId }) => VolumeId)
  }
  expect(await volumesOf({ ExcludeBootVolume: true })).toEqual([data])
  expect(await volumesOf({ ExcludeDataVolumeIds: [data] })).toEqual([root])
  await expect(volumesOf({ ExcludeDataVolumeIds: [root] })).rejects.toMatchObject({ code: 'InvalidParameterValue' })
  await expect(volumesOf({ ExcludeBootVolume: true, ExcludeDataVolumeIds: [data] })).rejects.toMatchObject({
    code: 'InvalidParameterValue',
  })
  await expect(createSet(account, id, { Location: 'local' })).rejects.toMatchObject({ code: 'UnsupportedOperation' })
})

test('tags are copied from each volume, and those of the request win (AWS facts A.1)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  await account.call('CreateTags', {
    Resources: [data],
    Tags: [
      { Key: 'role', Value: 'data' },
      { Key: 'by', Value: 'hand' },
    ],
  })
  const ids = await createSet(account, id, {
    CopyTagsFromSource: 'volume',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'by', Value: 'us' }] }],
  })
  const [root, copy] = await snapshotsOf(account, ids)
  expect(root!.Tags).toEqual([{ Key: 'by', Value: 'us' }])
  expect(copy!.Tags).toEqual([
    { Key: 'role', Value: 'data' },
    { Key: 'by', Value: 'us' },
  ])
})

test('a volume takes a snapshot every 15 seconds and has at most five pending, one if it is an st1 or sc1 (AWS facts A.2)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  // A snapshot of a change takes a little more than 60 s: at the fifth, after four intervals, the first is pending still.
  const take = async () => {
    write(account.host.volumePath(data), 'changed')
    return account.call('CreateSnapshot', { VolumeId: data })
  }
  const first = await take()
  await expect(take()).rejects.toMatchObject({ code: 'SnapshotCreationPerVolumeRateExceeded' })
  for (let more = 0; more < 4; more += 1) {
    await account.clock.advance(15_000)
    await take()
  }
  // To delete a pending one does not free its slot.
  await account.call('DeleteSnapshot', { SnapshotId: first.SnapshotId! })
  await expect(take()).rejects.toMatchObject({ code: 'ConcurrentSnapshotLimitExceeded' })
  await account.clock.advance(15_000)
  await take()
  await expect(snapshotsOf(account, [first.SnapshotId!])).rejects.toMatchObject({
    code: 'InvalidSnapshot.NotFound',
    message: `The snapshot '${first.SnapshotId}' does not exist.`,
  })

  const { VolumeId: slow = '' } = await account.call('CreateVolume', {
    AvailabilityZone: ZONE,
    Size: 125,
    VolumeType: 'st1',
  })
  await account.clock.advance(10_000)
  const takeSlow = () => account.call('CreateSnapshot', { VolumeId: slow })
  await takeSlow()
  await account.clock.advance(15_000)
  await expect(takeSlow()).rejects.toMatchObject({ code: 'ConcurrentSnapshotLimitExceeded' })
})

test('a member that is deleted while it is pending does not fail the others of its set (AWS facts A.1, A.7)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const [gone = '', kept = ''] = await createSet(account, id)
  account.told()
  await account.call('DeleteSnapshot', { SnapshotId: gone })
  await account.clock.advance(2 * MINUTE_MS)
  expect(await snapshotsOf(account, [kept])).toMatchObject([{ State: 'completed' }])
  expect(account.told()).toContain('createSnapshots succeeded')
  await expect(account.call('DeleteSnapshot', { SnapshotId: gone })).rejects.toMatchObject({
    code: 'InvalidSnapshot.NotFound',
  })
})

test('the snapshot of an image is in use; another is gone at once, with its bytes (AWS facts A.7)', async () => {
  const account = testAccount()
  const { Snapshots: [ofImage] = [] } = await account.call('DescribeSnapshots', { OwnerIds: ['self'] })
  await expect(account.call('DeleteSnapshot', { SnapshotId: ofImage!.SnapshotId! })).rejects.toMatchObject({
    code: 'InvalidSnapshot.InUse',
    message: `The snapshot ${ofImage!.SnapshotId} is currently in use by ami-0123456789abcdef0`,
  })
  const { id } = await account.runningInstance()
  const ids = await createSet(account, id)
  await account.clock.advance(2 * MINUTE_MS)
  expect(account.host.counts().snapshots).toBe(2)
  const path = account.host.snapshotPath(ids[0]!)
  await account.call('DeleteSnapshot', { SnapshotId: ids[0]! })
  expect(account.host.counts().snapshots).toBe(1)
  await account.clock.advance(1)
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
})

test('an encrypted volume makes encrypted snapshots and volumes; another key starts another lineage (AWS facts A.2, A.3, A.12)', async () => {
  const account = testAccount()
  const { VolumeId } = await account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1, Encrypted: true })
  await account.clock.advance(10_000)
  const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: VolumeId! })
  await account.clock.advance(2 * MINUTE_MS)
  const [snapshot] = await snapshotsOf(account, [SnapshotId!])
  expect(snapshot).toMatchObject({ Encrypted: true, SseType: 'sse-kms' })
  const same = await account.call('CreateVolume', { AvailabilityZone: ZONE, SnapshotId })
  expect(same).toMatchObject({ Encrypted: true, KmsKeyId: snapshot!.KmsKeyId })
  const other = await account.call('CreateVolume', {
    AvailabilityZone: ZONE,
    SnapshotId,
    Encrypted: true,
    KmsKeyId: 'alias/aws/s3',
  })
  expect(other.KmsKeyId).toBe(account.kms.managedKey('alias/aws/s3').arn)
  await account.clock.advance(10_000)
  const dataKeyOf = async (volumeId: string) => {
    const taken = await account.call('CreateSnapshot', { VolumeId: volumeId })
    return taken.DataEncryptionKeyId
  }
  expect(await dataKeyOf(same.VolumeId!)).toBe(snapshot!.DataEncryptionKeyId)
  expect(await dataKeyOf(other.VolumeId!)).not.toBe(snapshot!.DataEncryptionKeyId)
})
