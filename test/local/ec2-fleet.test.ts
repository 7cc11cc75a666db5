import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

const DISKS = [
  { device: '/dev/sdf', sizeGiB: 100 },
  { device: '/dev/sdg', sizeGiB: 500, type: 'st1' },
] as const

const load = (account: TestAccount, count: number): string[] =>
  account.host.loadFleet({
    count,
    imageId: IMAGE_ID,
    instanceType: 'm5.large',
    dataDisks: DISKS,
    tags: (index) => ({ Name: `machine-${index}`, owner: index % 2 ? 'odd' : 'even' }),
  })

test('a fleet runs at once, with its disks attached, in all zones, and without guests', async () => {
  const account = testAccount()
  const ids = load(account, 7)
  const { Reservations = [] } = await account.call('DescribeInstances', { InstanceIds: ids })
  const machines = Reservations.flatMap(({ Instances = [] }) => Instances)
  expect(machines.map(({ InstanceId }) => InstanceId)).toEqual(ids)
  expect(new Set(machines.map(({ State }) => State?.Name))).toEqual(new Set(['running']))
  expect(new Set(machines.map(({ Placement }) => Placement?.AvailabilityZone)).size).toBe(3)
  expect(new Set(machines.map(({ PrivateIpAddress }) => PrivateIpAddress)).size).toBe(7)
  expect(machines[0]!.BlockDeviceMappings!.map(({ DeviceName }) => DeviceName)).toEqual([
    '/dev/xvda',
    '/dev/sdf',
    '/dev/sdg',
  ])
  const Filters = [{ Name: 'attachment.instance-id', Values: [ids[3]!] }]
  const { Volumes = [] } = await account.call('DescribeVolumes', { Filters })
  expect(Volumes.map(({ State, Size, VolumeType }) => [State, Size, VolumeType])).toEqual([
    ['in-use', 1, 'gp3'],
    ['in-use', 100, 'gp3'],
    ['in-use', 500, 'st1'],
  ])
  expect(Volumes.map(({ Attachments }) => Attachments![0]!.State)).toEqual(['attached', 'attached', 'attached'])
  await account.clock.advance(MINUTE_MS)
  expect(account.guests).toEqual([])
  expect(account.events).toEqual([])
})

test('a machine of a fleet is snapshotted, stopped, started and terminated like any other', async () => {
  const account = testAccount()
  const [id = ''] = load(account, 1)
  const { Snapshots = [] } = await account.call('CreateSnapshots', { InstanceSpecification: { InstanceId: id } })
  expect(Snapshots).toHaveLength(3)
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(await account.stateOf(id)).toBe('stopped')
  await account.call('StartInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  expect(await account.stateOf(id)).toBe('running')
  const after = await account.afterRestart()
  await after.clock.advance(MINUTE_MS)
  expect([...account.guests, ...after.guests]).toEqual([])
  await after.call('TerminateInstances', { InstanceIds: [id] })
  await after.clock.advance(MINUTE_MS)
  expect(await after.stateOf(id)).toBe('terminated')
  const { Volumes = [] } = await after.call('DescribeVolumes', {})
  expect(Volumes.map(({ State, Size }) => [State, Size])).toEqual([
    ['available', 100],
    ['available', 500],
  ])
})

test('quotas are raised for a fleet, and leave others the room that they had (AWS facts A.22)', async () => {
  const account = testAccount({ quotas: { onDemandVcpus: 2, networkInterfaces: 1, volumes: 2 } })
  const [id = ''] = load(account, 20)
  await account.call('StopInstances', { InstanceIds: [id] })
  await account.clock.advance(MINUTE_MS)
  await account.call('StartInstances', { InstanceIds: [id] })
  const order = { ImageId: IMAGE_ID, InstanceType: 'm5.large', MinCount: 1, MaxCount: 1 } as const
  await expect(account.call('RunInstances', { ...order, MinCount: 2, MaxCount: 2 })).rejects.toMatchObject({
    code: 'NetworkInterfaceLimitExceeded',
  })
  await account.call('RunInstances', order)
  await expect(account.call('RunInstances', order)).rejects.toMatchObject({ code: 'NetworkInterfaceLimitExceeded' })
  const { VolumeId } = await account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1 })
  expect(VolumeId).toMatch(/^vol-/)
  await expect(account.call('CreateVolume', { AvailabilityZone: ZONE, Size: 1 })).rejects.toMatchObject({
    code: 'VolumeLimitExceeded',
  })
})

test('pages of a fleet hold each machine once, in order, found by tags and by a filter without an index', async () => {
  const account = testAccount()
  const ids = load(account, 40)
  const walk = async (Filters: { Name: string; Values: string[] }[]): Promise<string[]> => {
    const found: string[] = []
    let NextToken: string | undefined
    do {
      const page = await account.call('DescribeInstances', { Filters, MaxResults: 5, NextToken })
      found.push(...(page.Reservations ?? []).flatMap(({ Instances = [] }) => Instances.map((one) => one.InstanceId!)))
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    return found
  }
  expect(await walk([])).toEqual(ids)
  expect(await walk([{ Name: 'tag:owner', Values: ['odd'] }])).toEqual(ids.filter((_, index) => index % 2))
  expect(await walk([{ Name: 'tag:Name', Values: ['machine-7', 'machine-3'] }])).toEqual([ids[3], ids[7]])
  expect(await walk([{ Name: 'tag:Name', Values: ['machine-1?'] }])).toEqual(ids.slice(10, 20))
})

test('a fleet of an image or a type that nobody could launch is refused', () => {
  const { host } = testAccount()
  const fleet = { count: 1, imageId: IMAGE_ID, instanceType: 'm5.large' }
  expect(() => host.loadFleet({ ...fleet, imageId: 'ami-0fedcba9876543210' })).toThrow('does not exist')
  expect(() => host.loadFleet({ ...fleet, instanceType: 'm6g.large' })).toThrow(/architecture/)
  expect(() => host.loadFleet({ ...fleet, dataDisks: [{ device: '/dev/sdf', sizeGiB: 100_000 }] })).toThrow(/size/)
})
