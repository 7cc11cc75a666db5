import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, NotingGuest, testAccount } from './ec2-account.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('an instance boots with its disks, its user data and its tags, and tells each state', async () => {
  const account = testAccount()
  const { Instances: [launched] = [] } = await account.call('RunInstances', {
    ImageId: IMAGE_ID,
    MinCount: 1,
    MaxCount: 1,
    UserData: base64('#!/bin/bash\necho hello'),
    BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { VolumeSize: 2 } }],
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'one' }] }],
  })
  const id = launched!.InstanceId!
  expect(id).toMatch(/^i-[0-9a-f]{17}$/)
  expect(launched!.State).toEqual({ Code: 0, Name: 'pending' })
  expect(account.guests).toEqual([])

  await account.clock.advance(MINUTE_MS)
  expect(await account.stateOf(id)).toBe('running')
  const [guest] = account.guests
  expect(guest!.spec).toMatchObject({ instanceId: id, userData: '#!/bin/bash\necho hello', tags: { Name: 'one' } })
  expect(guest!.disks.map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])
  expect(account.told()).toEqual(['pending', 'createVolume available', 'createVolume available', 'running'])
})

test('stop and start keep the private address and change the public name', async () => {
  const account = testAccount()
  const { id, guest } = await account.runningInstance()
  const describe = async () =>
    (await account.call('DescribeInstances', { InstanceIds: [id] })).Reservations![0]!.Instances![0]!
  const before = await describe()
  account.told()

  const { StoppingInstances } = await account.call('StopInstances', { InstanceIds: [id] })
  expect(StoppingInstances).toEqual([
    { InstanceId: id, PreviousState: { Code: 16, Name: 'running' }, CurrentState: { Code: 64, Name: 'stopping' } },
  ])
  await account.clock.advance(MINUTE_MS)
  expect(guest.stopped).toBe(true)
  expect(await describe()).toMatchObject({
    State: { Name: 'stopped' },
    PublicDnsName: '',
    PrivateIpAddress: before.PrivateIpAddress,
    StateReason: { Code: 'Client.UserInitiatedShutdown' },
  })

  await account.call('StartInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  const after = await describe()
  expect(after.PrivateIpAddress).toBe(before.PrivateIpAddress)
  expect(after.PublicDnsName).not.toBe(before.PublicDnsName)
  expect(account.guests).toHaveLength(2)
  expect(account.told()).toEqual(['stopping', 'stopped', 'pending', 'running'])
})

test('stopping what is stopped and starting what runs are successes that do nothing', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  account.told()
  await account.call('StartInstances', { InstanceIds: [id] })
  expect(account.told()).toEqual([])
  await account.call('StopInstances', { InstanceIds: [id] })
  await expect(account.call('StartInstances', { InstanceIds: [id] })).rejects.toMatchObject({
    code: 'IncorrectInstanceState',
    message: `The instance '${id}' is not in a state from which it can be started.`,
  })
  await account.clock.advance(MINUTE_MS)
  await account.call('StopInstances', { InstanceIds: [id] })
  expect(account.told()).toEqual(['stopping', 'stopped'])
})

test('a batch is checked whole before anything changes', async () => {
  const account = testAccount()
  const first = await account.runningInstance()
  const second = await account.runningInstance({ DisableApiStop: true })
  await expect(account.call('StopInstances', { InstanceIds: [first.id, second.id] })).rejects.toMatchObject({
    code: 'OperationNotPermitted',
    message: `The instance '${second.id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.`,
  })
  expect(await account.stateOf(first.id)).toBe('running')
  await account.call('ModifyInstanceAttribute', { InstanceId: second.id, DisableApiStop: { Value: false } })
  await account.call('StopInstances', { InstanceIds: [first.id, second.id] })
  expect(await account.stateOf(second.id)).toBe('stopping')
})

test('a planned refusal and a planned fall back strike one start each', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  account.told()

  account.host.refuseStart(id, { code: 'InsufficientInstanceCapacity' })
  await expect(account.call('StartInstances', { InstanceIds: [id] })).rejects.toMatchObject({
    code: 'InsufficientInstanceCapacity',
    status: 500,
  })
  account.host.refuseStart(id, 'falls-back')
  await account.call('StartInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(account.told()).toEqual(['pending', 'stopped'])
  await account.call('StartInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(account.told()).toEqual(['pending', 'running'])
})

test('termination deletes the volumes that are to go with the instance, keeps the others, and is seen for an hour', async () => {
  const account = testAccount()
  const { id, guest } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  await account.call('ModifyInstanceAttribute', {
    InstanceId: id,
    BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { DeleteOnTermination: false } }],
  })
  account.told()
  await account.call('TerminateInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(account.told()).toEqual(['shutting-down', 'terminated', 'deleteVolume deleted'])
  expect(guest.stopped).toBe(true)
  expect(account.host.counts()).toEqual({ volumes: 1, snapshots: 0, instances: 0 })
  const { Volumes } = await account.call('DescribeVolumes', {})
  expect(Volumes).toMatchObject([{ VolumeId: data, State: 'available', Attachments: [] }])

  expect(await account.stateOf(id)).toBe('terminated')
  await account.clock.advance(60 * MINUTE_MS)
  await expect(account.stateOf(id)).rejects.toMatchObject({
    code: 'InvalidInstanceID.NotFound',
    message: `The instance ID '${id}' does not exist`,
  })
})

test('termination during the boot calls the boot off', async () => {
  const account = testAccount()
  const { Instances: [launched] = [] } = await account.call('RunInstances', {
    ImageId: IMAGE_ID,
    MinCount: 1,
    MaxCount: 1,
  })
  await account.clock.advance(10_000)
  await account.call('TerminateInstances', { InstanceIds: [launched!.InstanceId!] })
  await account.clock.advance(5 * MINUTE_MS)
  expect(account.told()).toEqual([
    'pending',
    'createVolume available',
    'shutting-down',
    'terminated',
    'deleteVolume deleted',
  ])
  expect(account.guests).toEqual([])
})

test('a launch whose volume cannot be made ends terminated', async () => {
  const account = testAccount()
  const { Snapshots = [] } = await account.call('DescribeSnapshots', {})
  account.host.failVolumeCreation(Snapshots[0]!.SnapshotId!)
  const { id } = await account.runningInstance()
  const { Reservations } = await account.call('DescribeInstances', { InstanceIds: [id] })
  expect(Reservations![0]!.Instances![0]).toMatchObject({
    State: { Name: 'terminated' },
    StateReason: { Code: 'Client.InternalError' },
  })
  expect(account.host.counts()).toEqual({ volumes: 0, snapshots: 0, instances: 0 })
})

test('a guest that does not come up lets the start fall back to stopped', async () => {
  let boots = 0
  const account = testAccount({
    guest: (spec) => {
      boots += 1
      if (boots === 2) throw new Error('no kernel')
      return new NotingGuest(spec)
    },
  })
  const { id } = await account.runningInstance()
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  await account.call('StartInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(await account.stateOf(id)).toBe('stopped')
})

test('a guest that powers itself off stops, or is terminated where that was asked for', async () => {
  const account = testAccount()
  const stopping = await account.runningInstance()
  const ending = await account.runningInstance({ InstanceInitiatedShutdownBehavior: 'terminate' })
  account.host.guestPoweredOff(stopping.id)
  account.host.guestPoweredOff(ending.id)
  await account.clock.advance(MINUTE_MS)
  expect(await account.stateOf(stopping.id)).toBe('stopped')
  expect(await account.stateOf(ending.id)).toBe('terminated')
})

test('an instance with an instance-store root cannot be stopped and has nothing to snapshot', async () => {
  const account = testAccount()
  account.host.registerImage({
    imageId: 'ami-00000000000005704',
    rootDeviceName: '/dev/sda1',
    rootDeviceType: 'instance-store',
    rootSizeGiB: 8,
  })
  const { id } = await account.runningInstance({ ImageId: 'ami-00000000000005704', BlockDeviceMappings: [] })
  await expect(account.call('StopInstances', { InstanceIds: [id] })).rejects.toMatchObject({
    code: 'UnsupportedOperation',
  })
  await expect(account.call('CreateSnapshots', { InstanceSpecification: { InstanceId: id } })).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: `There are no attached EBS-backed volumes on the instance id (${id}).`,
  })
})

test('status checks are initializing, then ok, and impaired while the host says so', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const status = async () => {
    const { InstanceStatuses = [] } = await account.call('DescribeInstanceStatus', { InstanceIds: [id] })
    return InstanceStatuses[0]?.InstanceStatus?.Status
  }
  expect(await status()).toBe('initializing')
  await account.clock.advance(2 * MINUTE_MS)
  expect(await status()).toBe('ok')
  account.host.impair(id, true)
  expect(await status()).toBe('impaired')
  account.host.impair(id, false)
  expect(await status()).toBe('ok')
  await account.call('StopInstances', { InstanceIds: [id] })
  expect(await status()).toBeUndefined()
  const all = await account.call('DescribeInstanceStatus', { InstanceIds: [id], IncludeAllInstances: true })
  expect(all.InstanceStatuses).toMatchObject([
    { InstanceState: { Name: 'stopping' }, InstanceStatus: { Status: 'not-applicable' } },
  ])
})

test('attributes are read one by one, changed one at a time, and user data only while stopped', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance({ UserData: base64('first') })
  const userData = async () =>
    (await account.call('DescribeInstanceAttribute', { InstanceId: id, Attribute: 'userData' })).UserData?.Value
  expect(await userData()).toBe(base64('first'))
  const change = () =>
    account.call('ModifyInstanceAttribute', { InstanceId: id, UserData: { Value: Buffer.from('second') } })
  await expect(change()).rejects.toMatchObject({ code: 'IncorrectInstanceState' })
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  await change()
  expect(await userData()).toBe(base64('second'))
  await expect(
    account.call('ModifyInstanceAttribute', {
      InstanceId: id,
      DisableApiStop: { Value: true },
      DisableApiTermination: { Value: true },
    }),
  ).rejects.toMatchObject({ code: 'InvalidParameterCombination' })
})

test('the same client token launches once; with other parameters it is refused; after termination too', async () => {
  const account = testAccount()
  const request = { ImageId: IMAGE_ID, MinCount: 1, MaxCount: 1, ClientToken: 'once' }
  const first = await account.call('RunInstances', request)
  const second = await account.call('RunInstances', request)
  expect(second.ReservationId).toBe(first.ReservationId)
  expect(account.host.counts().instances).toBe(1)
  await expect(account.call('RunInstances', { ...request, MaxCount: 2 })).rejects.toMatchObject({
    code: 'IdempotentParameterMismatch',
  })
  await account.call('TerminateInstances', { InstanceIds: [first.Instances![0]!.InstanceId!] })
  await account.clock.advance(MINUTE_MS)
  await expect(account.call('RunInstances', request)).rejects.toMatchObject({ code: 'IdempotentInstanceTerminated' })
})

test.each([
  [{ KeyName: 'mine' }, 'InvalidKeyPair.NotFound'],
  [{ CpuOptions: { CoreCount: 1 } }, 'UnsupportedOperation'],
  [{ ImageId: 'ami-00000000' }, 'InvalidAMIID.NotFound'],
  [{ SubnetId: 'subnet-00000000' }, 'InvalidSubnetID.NotFound'],
  [{ SecurityGroupIds: ['sg-00000000'] }, 'InvalidGroup.NotFound'],
  [{ UserData: 'not base64!' }, 'InvalidParameterValue'],
  [{ UserData: base64('x'.repeat(16_385)) }, 'InvalidParameterValue'],
  [{ BlockDeviceMappings: [{ DeviceName: '/dev/nvme1', Ebs: { VolumeSize: 1 } }] }, 'InvalidBlockDeviceMapping'],
  [
    { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-00000000' } }] },
    'InvalidBlockDeviceMapping',
  ],
  [
    { BlockDeviceMappings: [{ DeviceName: '/dev/sdf', Ebs: { SnapshotId: 'snap-00000000' } }] },
    'InvalidSnapshot.NotFound',
  ],
  [{ BlockDeviceMappings: [{ DeviceName: '/dev/sdf', VirtualName: 'ephemeral0' }] }, 'UnsupportedOperation'],
  [{ TagSpecifications: [{ ResourceType: 'snapshot' as const, Tags: [] }] }, 'InvalidParameterValue'],
  [{ DryRun: true }, 'DryRunOperation'],
])('a launch with %j is refused with %s and makes nothing', async (request, code) => {
  const account = testAccount()
  await expect(
    account.call('RunInstances', { ImageId: IMAGE_ID, MinCount: 1, MaxCount: 1, ...request }),
  ).rejects.toMatchObject({ code })
  expect(account.host.counts()).toEqual({ volumes: 0, snapshots: 0, instances: 0 })
})
