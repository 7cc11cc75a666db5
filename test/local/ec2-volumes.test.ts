import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

async function availableVolume(account: TestAccount, more: object = {}): Promise<string> {
  const { VolumeId } = await account.call('CreateVolume', {
    AvailabilityZone: ZONE,
    Size: 1,
    VolumeType: 'gp3',
    ...more,
  })
  await account.clock.advance(10_000)
  return VolumeId!
}

const describe = async (account: TestAccount, id: string) =>
  (await account.call('DescribeVolumes', { VolumeIds: [id] })).Volumes![0]!

async function stop(account: TestAccount, id: string): Promise<void> {
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
}

test('a volume is a sparse file of its size, creating and then available', async () => {
  const account = testAccount()
  const made = await account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 3, VolumeType: 'gp3' })
  expect(made).toMatchObject({ State: 'creating', Size: 3, Iops: 3_000, Throughput: 125, Encrypted: false })
  await account.clock.advance(10_000)
  expect(await describe(account, made.VolumeId!)).toMatchObject({ State: 'available' })
  const { size, blocks } = statSync(account.host.volumePath(made.VolumeId!))
  expect([size, blocks]).toEqual([3 * 1024 ** 3, 0])
  expect(account.events).toEqual([
    {
      source: 'aws.ec2',
      'detail-type': 'EBS Volume Notification',
      resources: [`arn:aws:ec2:eu-central-1:111122223333:volume/${made.VolumeId}`],
      detail: { event: 'createVolume', result: 'available', cause: '', 'request-id': '' },
    },
  ])
})

test.each([
  [{ Size: 1 }, 'MissingParameter'],
  [{ AvailabilityZone: ZONE }, 'MissingParameter'],
  [{ AvailabilityZone: 'mars-1a', Size: 1 }, 'InvalidParameterValue'],
  [{ AvailabilityZone: ZONE, AvailabilityZoneId: 'euc1-az1', Size: 1 }, 'InvalidParameterCombination'],
  [{ AvailabilityZone: ZONE, Size: 65_537, VolumeType: 'gp3' as const }, 'InvalidParameterValue'],
  [{ AvailabilityZone: ZONE, Size: 10, VolumeType: 'gp3' as const, Iops: 6_000 }, 'InvalidParameterValue'],
  [{ AvailabilityZone: ZONE, Size: 10, VolumeType: 'gp3' as const, Throughput: 800 }, 'InvalidParameterValue'],
  [{ AvailabilityZone: ZONE, Size: 10, VolumeType: 'gp2' as const, Iops: 300 }, 'InvalidParameterCombination'],
  [{ AvailabilityZone: ZONE, Size: 10, VolumeType: 'io2' as const }, 'MissingParameter'],
  [{ AvailabilityZone: ZONE, Size: 1, MultiAttachEnabled: true }, 'InvalidParameterCombination'],
  [{ AvailabilityZone: ZONE, Size: 1, KmsKeyId: 'alias/mine' }, 'InvalidParameterDependency'],
  [{ AvailabilityZone: ZONE, SnapshotId: 'snap-1' }, 'InvalidSnapshotID.Malformed'],
  [{ AvailabilityZone: ZONE, SnapshotId: 'snap-00000000' }, 'InvalidSnapshot.NotFound'],
  [{ AvailabilityZone: ZONE, Size: 1, OutpostArn: 'arn:aws:outposts:x' }, 'UnsupportedOperation'],
])('CreateVolume with %j is refused with %s', async (request, code) => {
  const account = testAccount()
  await expect(account.call('CreateVolume', request)).rejects.toMatchObject({ code })
  expect(account.host.counts().volumes).toBe(0)
})

test('the default type is gp2 (AWS facts A.12)', async () => {
  const account = testAccount()
  const id = await availableVolume(account, { VolumeType: undefined, Size: 500 })
  expect(await describe(account, id)).toMatchObject({ VolumeType: 'gp2', Iops: 1_500 })
})

test('the same client token makes one volume, and none with other parameters (AWS facts A.12)', async () => {
  const account = testAccount()
  const request = { AvailabilityZone: ZONE, Size: 1, ClientToken: 'once' }
  const first = await account.call('CreateVolume', request)
  const second = await account.call('CreateVolume', { ClientToken: 'once', Size: 1, AvailabilityZone: ZONE })
  expect(second.VolumeId).toBe(first.VolumeId)
  await expect(account.call('CreateVolume', { ...request, Size: 2 })).rejects.toMatchObject({
    code: 'IdempotentParameterMismatch',
  })
  expect(account.host.counts().volumes).toBe(1)
})

test('a volume is attached to a running instance and shown to its guest, not to be deleted with it (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id, guest } = await account.runningInstance()
  const volume = await availableVolume(account)
  const answer = await account.call('AttachVolume', { VolumeId: volume, InstanceId: id, Device: '/dev/sdg' })
  expect(answer).toMatchObject({ State: 'attaching', DeleteOnTermination: false })
  expect(guest.disks.map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])
  await account.clock.advance(10_000)
  expect(await describe(account, volume)).toMatchObject({ State: 'in-use', Attachments: [{ State: 'attached' }] })
  expect(guest.disks.map(({ volumeId }) => volumeId)).toContain(volume)

  await account.call('DetachVolume', { VolumeId: volume })
  expect(await describe(account, volume)).toMatchObject({ State: 'in-use', Attachments: [{ State: 'detaching' }] })
  await account.clock.advance(10_000)
  expect(await describe(account, volume)).toMatchObject({ State: 'available', Attachments: [] })
  expect(guest.disks.map(({ volumeId }) => volumeId)).not.toContain(volume)
})

test('AttachVolume is refused as EC2 refuses it (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const volume = await availableVolume(account)
  const elsewhere = await availableVolume(account, { AvailabilityZone: 'eu-central-1b' })
  const used = await account.volumeAt(id, '/dev/sdf')
  const { VolumeId: young } = await account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1 })
  const { Instances: [pending] = [] } = await account.call('RunInstances', {
    ImageId: IMAGE_ID,
    MinCount: 1,
    MaxCount: 1,
  })
  const attach = (VolumeId: string, more: object = {}) =>
    account.call('AttachVolume', { VolumeId, InstanceId: id, Device: '/dev/sdg', ...more })
  await expect(attach(used)).rejects.toMatchObject({
    code: 'VolumeInUse',
    message: `${used} is already attached to an instance`,
  })
  await expect(attach(elsewhere)).rejects.toMatchObject({
    code: 'InvalidVolume.ZoneMismatch',
    message: `The volume '${elsewhere}' is not in the same availability zone as instance '${id}'`,
  })
  await expect(attach(volume, { Device: '/dev/sdf' })).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
  })
  await expect(attach(volume, { Device: '/dev/hda' })).rejects.toMatchObject({ code: 'InvalidParameterValue' })
  await expect(attach(young!)).rejects.toMatchObject({ code: 'IncorrectState' })
  await expect(attach(volume, { InstanceId: pending!.InstanceId })).rejects.toMatchObject({
    code: 'IncorrectState',
    message: `Instance '${pending!.InstanceId}' is not 'running'.`,
  })
  await expect(attach('vol-00000000')).rejects.toMatchObject({
    code: 'InvalidVolume.NotFound',
    message: "The volume 'vol-00000000' does not exist.",
  })
  await expect(attach(volume, { InstanceId: 'i-00000000' })).rejects.toMatchObject({
    code: 'InvalidInstanceID.NotFound',
  })
})

test('the root volume is swapped while stopped, and nothing starts without it at its name (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const root = await account.volumeAt(id, '/dev/xvda')
  const detach = () => account.call('DetachVolume', { VolumeId: root, InstanceId: id, Device: '/dev/xvda' })
  await expect(detach()).rejects.toMatchObject({
    code: 'IncorrectState',
    message: `Unable to detach root volume '${root}' from instance '${id}'`,
  })
  await stop(account, id)
  await detach()
  await account.clock.advance(10_000)
  const start = () => account.call('StartInstances', { InstanceIds: [id] })
  const noRoot = {
    code: 'InvalidParameterValue',
    message: `Invalid value '${id}' for instanceId. Instance does not have a volume attached at root (/dev/xvda)`,
  }
  await expect(start()).rejects.toMatchObject(noRoot)
  const other = await availableVolume(account)
  await account.call('AttachVolume', { VolumeId: other, InstanceId: id, Device: '/dev/sda1' })
  await account.clock.advance(10_000)
  await expect(start()).rejects.toMatchObject(noRoot)
  await account.call('DetachVolume', { VolumeId: other })
  await account.clock.advance(10_000)
  await account.call('AttachVolume', { VolumeId: other, InstanceId: id, Device: '/dev/xvda' })
  await account.clock.advance(10_000)
  await start()
  await account.clock.advance(MINUTE_MS)
  expect(account.guests.at(-1)!.disks).toContainEqual({
    device: '/dev/xvda',
    volumeId: other,
    path: account.host.volumePath(other),
    sizeBytes: 1024 ** 3,
  })
})

test('DetachVolume is refused as EC2 refuses it (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const other = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  const free = await availableVolume(account)
  await expect(account.call('DetachVolume', { VolumeId: free })).rejects.toMatchObject({
    code: 'IncorrectState',
    message: `Volume '${free}' is in the 'available' state.`,
  })
  await expect(account.call('DetachVolume', { VolumeId: data, InstanceId: other.id })).rejects.toMatchObject({
    code: 'InvalidAttachment.NotFound',
  })
  await expect(account.call('DetachVolume', { VolumeId: data, Device: '/dev/sdz' })).rejects.toMatchObject({
    code: 'InvalidAttachment.NotFound',
  })
  await account.call('TerminateInstances', { InstanceIds: [id] })
  await expect(account.call('DetachVolume', { VolumeId: data })).rejects.toMatchObject({
    code: 'IncorrectInstanceState',
  })
})

test('a detach that sticks stays until it is released, or forced (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  const attachmentState = async () => (await describe(account, data)).Attachments?.[0]?.State
  account.host.stickDetach(data)
  await account.call('DetachVolume', { VolumeId: data })
  await account.clock.advance(60 * MINUTE_MS)
  expect(await attachmentState()).toBe('busy')
  account.host.releaseDetach(data)
  expect(await describe(account, data)).toMatchObject({ State: 'available' })

  await stop(account, id)
  await account.call('AttachVolume', { VolumeId: data, InstanceId: id, Device: '/dev/sdf' })
  await account.clock.advance(10_000)
  account.host.stickDetach(data)
  await account.call('DetachVolume', { VolumeId: data })
  await account.clock.advance(60 * MINUTE_MS)
  expect(await attachmentState()).toBe('detaching')
  await expect(account.call('DetachVolume', { VolumeId: data })).rejects.toMatchObject({ code: 'IncorrectState' })
  await account.call('DetachVolume', { VolumeId: data, Force: true })
  await account.clock.advance(10_000)
  expect(await attachmentState()).toBeUndefined()
})

test('a volume is deleted only when nothing holds it; then its bytes and its id are gone (AWS facts A.14)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  await expect(account.call('DeleteVolume', { VolumeId: data })).rejects.toMatchObject({
    code: 'VolumeInUse',
    message: `Volume ${data} is currently attached to ${id}`,
  })
  await account.call('DetachVolume', { VolumeId: data })
  await account.clock.advance(10_000)
  const path = account.host.volumePath(data)
  account.told()
  await account.call('DeleteVolume', { VolumeId: data })
  expect(await describe(account, data)).toMatchObject({ State: 'deleting' })
  await account.clock.advance(10_000)
  await expect(describe(account, data)).rejects.toMatchObject({ code: 'InvalidVolume.NotFound' })
  expect(account.told()).toEqual(['deleteVolume deleted'])
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
})

test('a multi-attach volume serves two instances, and is available only after both (AWS facts A.15)', async () => {
  const account = testAccount()
  const one = await account.runningInstance()
  const two = await account.runningInstance()
  const shared = await availableVolume(account, { VolumeType: 'io2', Size: 4, Iops: 100, MultiAttachEnabled: true })
  for (const { id } of [one, two]) {
    await account.call('AttachVolume', { VolumeId: shared, InstanceId: id, Device: '/dev/sdg' })
    await account.clock.advance(10_000)
  }
  expect((await describe(account, shared)).Attachments).toHaveLength(2)
  await account.call('CreateSnapshot', { VolumeId: shared })
  expect([one.guest.notes, two.guest.notes]).toEqual([
    ['disks', 'pause', 'resume'],
    ['disks', 'pause', 'resume'],
  ])
  await expect(account.call('DetachVolume', { VolumeId: shared })).rejects.toMatchObject({
    code: 'InvalidParameterCombination',
  })
  await account.call('DetachVolume', { VolumeId: shared, InstanceId: one.id })
  await account.clock.advance(10_000)
  expect(await describe(account, shared)).toMatchObject({ State: 'in-use' })
  await account.call('DetachVolume', { VolumeId: shared, InstanceId: two.id })
  await account.clock.advance(10_000)
  expect(await describe(account, shared)).toMatchObject({ State: 'available' })
})
