import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, testAccount } from './ec2-account.ts'

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
