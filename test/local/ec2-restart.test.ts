import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'

test('after a restart of the account, machines that ran boot again, and changes under way come to their end', async () => {
  const before = testAccount()
  const running = await before.runningInstance()
  const stopping = await before.runningInstance()
  const ending = await before.runningInstance()
  await before.call('StopInstances', { InstanceIds: [stopping.id] })
  await before.call('TerminateInstances', { InstanceIds: [ending.id] })
  const { Instances: [pending] = [] } = await before.call('RunInstances', {
    ImageId: IMAGE_ID,
    MinCount: 1,
    MaxCount: 1,
    ClientToken: 'once',
  })
  await before.clock.advance(5_000)

  const after = await before.afterRestart()
  await after.clock.advance(1_000)
  expect(after.guests.map(({ spec }) => spec.instanceId)).toEqual([running.id])
  expect(after.guests[0]!.disks.map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])
  expect(await after.stateOf(stopping.id)).toBe('stopping')
  await after.clock.advance(MINUTE_MS)
  expect(await after.stateOf(running.id)).toBe('running')
  expect(await after.stateOf(stopping.id)).toBe('stopped')
  expect(await after.stateOf(ending.id)).toBe('terminated')
  expect(await after.stateOf(pending!.InstanceId!)).toBe('running')
  expect(after.told()).toContain('terminated')

  const again = { ImageId: IMAGE_ID, MinCount: 1, MaxCount: 1, ClientToken: 'once' }
  expect((await after.call('RunInstances', again)).Instances![0]!.InstanceId).toBe(pending!.InstanceId)
  const { id } = await after.runningInstance()
  expect([running.id, stopping.id, ending.id, pending!.InstanceId]).not.toContain(id)
  await after.clock.advance(60 * MINUTE_MS)
  await expect(after.stateOf(ending.id)).rejects.toMatchObject({ code: 'InvalidInstanceID.NotFound' })
})

test('after a restart of the account, what was to go wrong still goes wrong, and EC2 is as late as before (AWS facts A.14, A.19)', async () => {
  const before = testAccount()
  const { id } = await before.runningInstance()
  const data = await before.volumeAt(id, '/dev/sdf')
  before.host.stickDetach(data)
  await before.call('DetachVolume', { VolumeId: data })
  before.host.failLaunch('Server.InternalError')
  before.host.lackVolumes(ZONE, true, 'gp3')
  before.host.beLate({ idsMs: 60_000, seed: 'late' })

  const after = await before.afterRestart()
  const volume = (VolumeType: 'gp2' | 'gp3') =>
    after.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1, VolumeType })
  await expect(volume('gp3')).rejects.toMatchObject({ code: 'VolumeTypeNotAvailableInZone' })
  const { VolumeId = '' } = await volume('gp2')
  await expect(after.call('DescribeVolumes', { VolumeIds: [VolumeId] })).rejects.toMatchObject({
    code: 'InvalidVolume.NotFound',
  })
  await after.clock.advance(60 * MINUTE_MS)
  const stateOfData = async () => (await after.call('DescribeVolumes', { VolumeIds: [data] })).Volumes?.[0]?.State
  expect(await stateOfData()).toBe('in-use')
  after.host.releaseDetach(data)
  expect(await stateOfData()).toBe('available')
  after.host.lackVolumes(ZONE, false, 'gp3')
  const { id: lost } = await after.runningInstance()
  await after.clock.advance(MINUTE_MS)
  expect(await after.stateOf(lost)).toBe('terminated')
})
