import { expect, test } from 'vitest'
import { IMAGE_ID, MINUTE_MS, ZONE, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

async function taggedVolumes(account: TestAccount, names: string[]): Promise<string[]> {
  const ids: string[] = []
  for (const Value of names) {
    const { VolumeId } = await account.call('CreateVolume', {
      AvailabilityZone: ZONE,
      Size: 1,
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value }] }],
    })
    ids.push(VolumeId!)
  }
  return ids
}

const idsOf = (volumes: { VolumeId?: string }[] = []): (string | undefined)[] => volumes.map(({ VolumeId }) => VolumeId)

test('values of a filter are alternatives, filters are all required, * and ? stand for characters (AWS facts A.4)', async () => {
  const account = testAccount()
  const [one, two, three, star] = await taggedVolumes(account, ['web-1', 'web-2', 'db-1', 'web*'])
  const find = async (...Filters: { Name: string; Values: string[] }[]) =>
    idsOf((await account.call('DescribeVolumes', { Filters })).Volumes)
  expect(await find({ Name: 'tag:Name', Values: ['web-1', 'db-1'] })).toEqual([one, three])
  expect(await find({ Name: 'tag:Name', Values: ['web-?'] })).toEqual([one, two])
  expect(await find({ Name: 'tag:Name', Values: ['web\\*'] })).toEqual([star])
  expect(await find({ Name: 'tag:Name', Values: ['*1'] }, { Name: 'volume-id', Values: [one!, two!] })).toEqual([one])
  expect(await find({ Name: 'tag-key', Values: ['name'] })).toEqual([])
  await expect(find({ Name: 'colour', Values: ['red'] })).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: "The filter 'colour' is invalid",
  })
  await expect(find({ Name: 'size', Values: Array.from({ length: 201 }, String) })).rejects.toMatchObject({
    code: 'FilterLimitExceeded',
  })
})

test('pages go on where they ended, though volumes come and go meanwhile (AWS facts A.19)', async () => {
  const account = testAccount()
  const ids = await taggedVolumes(account, Array.from({ length: 12 }, String))
  await account.clock.advance(10_000)
  const first = await account.call('DescribeVolumes', { MaxResults: 5 })
  expect(idsOf(first.Volumes)).toEqual(ids.slice(0, 5))
  await account.call('DeleteVolume', { VolumeId: ids[4]! })
  await account.call('DeleteVolume', { VolumeId: ids[6]! })
  await account.clock.advance(10_000)
  const second = await account.call('DescribeVolumes', { MaxResults: 5, NextToken: first.NextToken })
  expect(idsOf(second.Volumes)).toEqual([ids[5], ...ids.slice(7, 11)])
  const third = await account.call('DescribeVolumes', { MaxResults: 5, NextToken: second.NextToken })
  expect(idsOf(third.Volumes)).toEqual([ids[11]])
  expect(third.NextToken).toBeUndefined()
})

test('ids and pages exclude each other, and page sizes have limits (AWS facts A.4, A.19)', async () => {
  const account = testAccount()
  const [id] = await taggedVolumes(account, ['one'])
  const refused = async (request: object, code: string) =>
    expect(account.call('DescribeVolumes', request)).rejects.toMatchObject({ code })
  await refused({ VolumeIds: [id], MaxResults: 5 }, 'InvalidParameterCombination')
  await refused({ MaxResults: 4 }, 'InvalidParameterValue')
  await refused({ MaxResults: 1001 }, 'InvalidParameterValue')
  await refused({ NextToken: 'nonsense' }, 'InvalidPaginationToken')
  await refused({ VolumeIds: ['vol-xyz'] }, 'InvalidParameterValue')
  await refused({ VolumeIds: ['vol-0123456789abcdef0'] }, 'InvalidVolume.NotFound')
})

test('snapshots are found by ids, owner and filters; by ids that are wrong or unknown not at all (AWS facts A.4)', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  const { Snapshots = [] } = await account.call('CreateSnapshots', {
    InstanceSpecification: { InstanceId: id },
    Description: 'a point',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'point', Value: '1' }] }],
  })
  const ids = Snapshots.map(({ SnapshotId }) => SnapshotId!)
  const found = async (...Filters: [string, string][]) =>
    (
      await account.call('DescribeSnapshots', {
        OwnerIds: ['self'],
        Filters: Filters.map(([Name, value]) => ({ Name, Values: [value] })),
      })
    ).Snapshots!.map(({ SnapshotId }) => SnapshotId)
  expect(await found(['tag:point', '1'])).toEqual(ids)
  expect(await found(['tag:point', '1'], ['volume-id', data])).toEqual([ids[1]])
  expect(await found(['description', 'a p*'], ['status', 'pending'])).toEqual(ids)
  expect(await found(['description', 'a P*'])).toEqual([])
  await account.clock.advance(2 * MINUTE_MS)
  expect(await found(['tag:point', '1'], ['status', 'pending'])).toEqual([])
  expect(await found(['tag:point', '1'], ['progress', '100%'])).toEqual(ids)
  expect(await found(['tag:point', '1'], ['storage-tier', 'archive'])).toEqual([])
  const { Snapshots: [one] = [] } = await account.call('DescribeSnapshots', { SnapshotIds: ids })
  expect(one).toMatchObject({ StorageTier: 'standard', TransferType: 'standard', SseType: 'none' })
  const refused = (request: object, code: string) =>
    expect(account.call('DescribeSnapshots', request)).rejects.toMatchObject({ code })
  await refused({ SnapshotIds: [...ids, 'snap-0123456789abcdef0'] }, 'InvalidSnapshot.NotFound')
  await refused({ SnapshotIds: ['snap-one'] }, 'InvalidSnapshotID.Malformed')
  await refused({ SnapshotIds: ids, MaxResults: 5 }, 'InvalidParameterCombination')
  await refused({ MaxResults: 4 }, 'InvalidParameterValue')
})

test('instances are found by state, tag and id, together with their reservation', async () => {
  const account = testAccount()
  const { Instances = [], ReservationId } = await account.call('RunInstances', {
    ImageId: IMAGE_ID,
    MinCount: 2,
    MaxCount: 2,
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'tandem', Value: 'daily' }] }],
  })
  await account.runningInstance()
  const [one, two] = Instances.map(({ InstanceId }) => InstanceId!)
  await account.call('StopInstances', { InstanceIds: [one!] })
  await account.clock.advance(MINUTE_MS)
  const tagged = await account.call('DescribeInstances', { Filters: [{ Name: 'tag-key', Values: ['tandem'] }] })
  expect(tagged.Reservations).toMatchObject([
    {
      ReservationId,
      Instances: [
        { InstanceId: one, AmiLaunchIndex: 0 },
        { InstanceId: two, AmiLaunchIndex: 1 },
      ],
    },
  ])
  const running = await account.call('DescribeInstances', {
    Filters: [
      { Name: 'tag:tandem', Values: ['daily'] },
      { Name: 'instance-state-name', Values: ['running'] },
    ],
  })
  expect(running.Reservations?.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId))).toEqual([
    two,
  ])
})

test('with a visibility delay, new volumes and snapshots are not found by tag at once, but by id', async () => {
  const account = testAccount({ visibilityDelayMs: 5_000 })
  const [id] = await taggedVolumes(account, ['late'])
  const byTag = async () =>
    idsOf((await account.call('DescribeVolumes', { Filters: [{ Name: 'tag:Name', Values: ['late'] }] })).Volumes)
  expect(await byTag()).toEqual([])
  expect(idsOf((await account.call('DescribeVolumes', { VolumeIds: [id!] })).Volumes)).toEqual([id])
  await account.clock.advance(5_000)
  expect(await byTag()).toEqual([id])
})

test('tags are set on all resources or on none', async () => {
  const account = testAccount()
  const [id] = await taggedVolumes(account, ['one'])
  await expect(
    account.call('CreateTags', { Resources: [id!, 'vol-0123456789abcdef0'], Tags: [{ Key: 'a', Value: '1' }] }),
  ).rejects.toMatchObject({ code: 'InvalidVolume.NotFound' })
  const { Tags } = await account.call('DescribeTags', { Filters: [{ Name: 'resource-id', Values: [id!] }] })
  expect(Tags).toEqual([{ ResourceId: id, ResourceType: 'volume', Key: 'Name', Value: 'one' }])
})

test.each([
  [{ Key: '', Value: 'x' }, 'InvalidTagKey.Malformed'],
  [{ Key: 'aws:mine', Value: 'x' }, 'InvalidParameterValue'],
  [{ Key: 'k'.repeat(129), Value: 'x' }, 'InvalidParameterValue'],
  [{ Key: 'k', Value: 'v'.repeat(257) }, 'InvalidParameterValue'],
])('the tag %j is refused with %s', async (tag, code) => {
  const account = testAccount()
  const [id] = await taggedVolumes(account, ['one'])
  await expect(account.call('CreateTags', { Resources: [id!], Tags: [tag] })).rejects.toMatchObject({ code })
})

const tags = (count: number) => Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: '' }))

test('a resource has at most fifty tags', async () => {
  const account = testAccount()
  const [id] = await taggedVolumes(account, ['one'])
  await account.call('CreateTags', { Resources: [id!], Tags: tags(49) })
  await expect(account.call('CreateTags', { Resources: [id!], Tags: tags(50) })).rejects.toMatchObject({
    code: 'TagLimitExceeded',
  })
})

test('a tag named with a value is deleted only if it has that value', async () => {
  const account = testAccount()
  const [id] = await taggedVolumes(account, ['one'])
  const names = async () =>
    (await account.call('DescribeTags', { Filters: [{ Name: 'key', Values: ['Name'] }] })).Tags?.map(
      ({ Value }) => Value,
    )
  await account.call('DeleteTags', { Resources: [id!], Tags: [{ Key: 'Name', Value: 'two' }] })
  expect(await names()).toEqual(['one'])
  await account.call('DeleteTags', { Resources: [id!], Tags: [{ Key: 'Name' }] })
  expect(await names()).toEqual([])
})

test('the Region has three zones with ids', async () => {
  const { AvailabilityZones } = await testAccount().call('DescribeAvailabilityZones', {})
  expect(AvailabilityZones).toMatchObject([
    { ZoneName: 'eu-central-1a', ZoneId: 'euc1-az1', State: 'available' },
    { ZoneName: 'eu-central-1b', ZoneId: 'euc1-az2' },
    { ZoneName: 'eu-central-1c', ZoneId: 'euc1-az3' },
  ])
})

test('what has no tags has no list of them in most descriptions; network interfaces have an empty one', async () => {
  const account = testAccount()
  const { id } = await account.runningInstance()
  const data = await account.volumeAt(id, '/dev/sdf')
  const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: data })
  const { Reservations } = await account.call('DescribeInstances', { InstanceIds: [id] })
  const { Volumes } = await account.call('DescribeVolumes', { VolumeIds: [data] })
  const { Snapshots } = await account.call('DescribeSnapshots', { SnapshotIds: [SnapshotId!] })
  const { Images } = await account.call('DescribeImages', { ImageIds: [IMAGE_ID] })
  const { Vpcs } = await account.call('DescribeVpcs', {})
  const { NetworkInterfaces } = await account.call('DescribeNetworkInterfaces', {})
  const described = [Reservations?.[0]?.Instances?.[0], Volumes?.[0], Snapshots?.[0], Images?.[0], Vpcs?.[0]]
  expect(described.map((one) => one?.Tags)).toEqual([undefined, undefined, undefined, undefined, undefined])
  expect(NetworkInterfaces?.[0]?.TagSet).toEqual([])
})

test('all machines and images that are missing are told at once, unless one id is none at all (AWS facts A.21)', async () => {
  const account = testAccount()
  const missing = ['i-0123456789abcdef8', 'i-0123456789abcdef9']
  const refused = async (operation: 'StopInstances' | 'DescribeInstances', InstanceIds: string[]) =>
    account.call(operation, { InstanceIds }).catch((error: unknown) => error)
  const message = "The instance IDs 'i-0123456789abcdef8, i-0123456789abcdef9' do not exist"
  expect(await refused('DescribeInstances', missing)).toMatchObject({ code: 'InvalidInstanceID.NotFound', message })
  expect(await refused('StopInstances', missing)).toMatchObject({ code: 'InvalidInstanceID.NotFound', message })
  expect(await refused('StopInstances', [...missing, 'i-1'])).toMatchObject({ code: 'InvalidInstanceID.Malformed' })
  const ImageIds = ['ami-0123456789abcdef8', 'ami-0123456789abcdef9']
  await expect(account.call('DescribeImages', { ImageIds })).rejects.toMatchObject({
    message: "The image ids '[ami-0123456789abcdef8, ami-0123456789abcdef9]' do not exist",
  })
})
