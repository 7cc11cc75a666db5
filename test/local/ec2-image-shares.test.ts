/** Images of one account in another, and in another Region. */
import { describe, expect, it } from 'vitest'
import { AWAY, MINUTE_MS, OURS, THEIRS, testPlaces } from './ebs-places.ts'
import type { TestPlace } from './ebs-places.ts'

const failing = (code: string) => expect.objectContaining({ code })
const TAGS = [{ Key: 'app', Value: 'web' }]

interface Made {
  readonly ImageId: string
  readonly SnapshotId: string
}

/** An own image of a disk with two blocks written. */
async function newImage(place: TestPlace, name = 'web', request: object = {}): Promise<Made> {
  const volume = await place.volume(request)
  for (const index of [1, 5]) place.write(volume, index, 7)
  const SnapshotId = await place.snapshot(volume)
  const { ImageId = '' } = await place.ec2('RegisterImage', {
    Name: name,
    RootDeviceName: '/dev/xvda',
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    TagSpecifications: [{ ResourceType: 'image', Tags: TAGS }],
  })
  return { ImageId, SnapshotId }
}

const share = (place: TestPlace, ImageId: string) =>
  place.ec2('ModifyImageAttribute', { ImageId, LaunchPermission: { Add: [{ UserId: THEIRS }] } })

const shareSnapshot = (place: TestPlace, SnapshotId: string) =>
  place.ec2('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: [THEIRS] })

const idsOf = async ({ ec2 }: TestPlace, request: object = {}) =>
  (await ec2('DescribeImages', request)).Images!.map(({ ImageId }) => ImageId)

const imageOf = async ({ ec2 }: TestPlace, ImageId: string) =>
  (await ec2('DescribeImages', { ImageIds: [ImageId] })).Images![0]!

const blocksOf = async ({ ebs }: TestPlace, SnapshotId: string) =>
  (await ebs('ListSnapshotBlocks', { SnapshotId })).Blocks!.map(({ BlockIndex }) => BlockIndex)

const launch = (place: TestPlace, ImageId: string, more: object = {}) =>
  place.ec2('RunInstances', { ImageId, InstanceType: 'm5.large', MinCount: 1, MaxCount: 1, ...more })

describe('an image of another account (AWS facts A.17, A.21)', () => {
  it('is seen and launched by whom its owner gives it to, without its tags, and changed by nobody but the owner', async () => {
    const { at, clock } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const { ImageId, SnapshotId } = await newImage(ours)
    expect(await idsOf(theirs)).toEqual([])
    expect(await idsOf(theirs, { ImageIds: [ImageId] })).toEqual([])
    await expect(launch(theirs, ImageId)).rejects.toEqual(failing('AuthFailure'))
    await expect(launch(theirs, 'ami-0123456789abcdef0')).rejects.toEqual(failing('InvalidAMIID.NotFound'))

    await share(ours, ImageId)
    expect(await idsOf(theirs)).toEqual([ImageId])
    expect(await idsOf(theirs, { ExecutableUsers: ['self'] })).toEqual([ImageId])
    expect(await idsOf(theirs, { Owners: ['self'] })).toEqual([])
    expect(await imageOf(theirs, ImageId)).toMatchObject({ OwnerId: OURS, State: 'available' })
    expect((await imageOf(theirs, ImageId)).Tags).toBeUndefined()
    expect(await imageOf(ours, ImageId)).toMatchObject({ Tags: TAGS })
    await expect(theirs.ec2('DeregisterImage', { ImageId })).rejects.toEqual(failing('AuthFailure'))
    await expect(share(theirs, ImageId)).rejects.toEqual(failing('AuthFailure'))

    // Leave to launch is enough, the snapshot itself is not shared.
    await expect(theirs.volume({ SnapshotId })).rejects.toEqual(failing('InvalidSnapshot.NotFound'))
    await launch(theirs, ImageId)
    await clock.advance(10_000)
    const { Volumes = [] } = await theirs.ec2('DescribeVolumes', {})
    expect(Volumes).toMatchObject([{ State: 'in-use', SnapshotId }])
    const copy = await theirs.snapshot(Volumes[0]!.VolumeId!)
    expect(await blocksOf(theirs, copy)).toEqual([1, 5])
  })

  it('that is encrypted is launched under the launching account’s own key (AWS facts A.12)', async () => {
    const { at, clock } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const key = await ours.newKey()
    const { ImageId } = await newImage(ours, 'secret', { Encrypted: true, KmsKeyId: key })
    await share(ours, ImageId)
    await launch(theirs, ImageId)
    await clock.advance(10_000)
    const { Volumes } = await theirs.ec2('DescribeVolumes', {})
    expect(Volumes).toMatchObject([{ Encrypted: true, KmsKeyId: theirs.kms.managedKey('alias/aws/ebs').arn }])
  })

  it('is copied only where its snapshots are shared too, and belongs to who copies it', async () => {
    const { at, clock } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const { ImageId, SnapshotId } = await newImage(ours)
    await share(ours, ImageId)
    const copy = { Name: 'mine', SourceImageId: ImageId, SourceRegion: 'eu-central-1', CopyImageTags: true }
    await expect(theirs.ec2('CopyImage', copy)).rejects.toEqual(failing('InvalidRequest'))
    await shareSnapshot(ours, SnapshotId)
    const { ImageId: mine = '' } = await theirs.ec2('CopyImage', copy)
    await clock.advance(10 * MINUTE_MS)
    const image = await imageOf(theirs, mine)
    expect(image).toMatchObject({ OwnerId: THEIRS, State: 'available' })
    expect(image.Tags).toBeUndefined()
    await ours.ec2('DeregisterImage', { ImageId })
    await ours.ec2('DeleteSnapshot', { SnapshotId })
    expect(await idsOf(theirs)).toEqual([mine])
    await expect(launch(theirs, mine)).resolves.toBeDefined()
  })
})

describe('CopyImage (AWS facts A.6, A.17)', () => {
  const home = { SourceRegion: 'eu-central-1' }

  it('makes an own image in another Region, pending until its copies are there, with tags where asked for', async () => {
    const { at, clock } = testPlaces()
    const [place, away] = [at(OURS), at(OURS, AWAY)]
    const { ImageId, SnapshotId } = await newImage(place)
    const request = { Name: 'copy', SourceImageId: ImageId, ...home, CopyImageTags: true, ClientToken: 'once' }
    const { ImageId: copy = '' } = await away.ec2('CopyImage', request)
    expect(await imageOf(away, copy)).toMatchObject({
      State: 'pending',
      SourceImageId: ImageId,
      SourceImageRegion: 'eu-central-1',
      Tags: TAGS,
      Architecture: 'x86_64',
      EnaSupport: true,
    })
    await expect(launch(away, copy)).rejects.toEqual(failing('InvalidAMIID.Unavailable'))
    await clock.advance(10 * MINUTE_MS)
    const done = await imageOf(away, copy)
    expect(done.State).toBe('available')
    const copied = done.BlockDeviceMappings![0]!.Ebs!.SnapshotId!
    expect(copied).not.toBe(SnapshotId)
    expect(await blocksOf(away, copied)).toEqual([1, 5])
    expect((await away.ec2('CopyImage', request)).ImageId).toBe(copy)
    await expect(away.ec2('CopyImage', { ...request, ClientToken: 'twice' })).rejects.toEqual(
      failing('InvalidAMIName.Duplicate'),
    )
    await expect(away.ec2('DeleteSnapshot', { SnapshotId: copied })).rejects.toEqual(failing('InvalidSnapshot.InUse'))
  })

  it('encrypts when it is asked to, and fails when the key cannot be used', async () => {
    const { at, clock } = testPlaces()
    const place = at(OURS)
    const { ImageId } = await newImage(place)
    const key = await place.newKey()
    const copy = async (Name: string) =>
      (await place.ec2('CopyImage', { Name, SourceImageId: ImageId, ...home, Encrypted: true, KmsKeyId: key })).ImageId!
    const good = await copy('good')
    await clock.advance(10 * MINUTE_MS)
    const { State, BlockDeviceMappings } = await imageOf(place, good)
    expect([State, BlockDeviceMappings![0]!.Ebs!.Encrypted]).toEqual(['available', true])
    expect(await place.describe(BlockDeviceMappings![0]!.Ebs!.SnapshotId!)).toMatchObject({ KmsKeyId: key })
    await place.disableKey(key)
    const bad = await copy('bad')
    await clock.advance(10 * MINUTE_MS)
    expect(await imageOf(place, bad)).toMatchObject({ State: 'failed' })
  })

  it('refuses what is not there, not available or not named', async () => {
    const place = testPlaces().at(OURS)
    const { ImageId, SnapshotId } = await newImage(place)
    const copy = (more: object) => place.ec2('CopyImage', { Name: 'copy', SourceImageId: ImageId, ...home, ...more })
    await expect(copy({ SourceImageId: 'ami-0123456789abcdef0' })).rejects.toEqual(failing('InvalidAMIID.NotFound'))
    await expect(copy({ SourceRegion: AWAY })).rejects.toEqual(failing('InvalidAMIID.NotFound'))
    await expect(copy({ Name: 'x' })).rejects.toEqual(failing('InvalidAMIName.Malformed'))
    await expect(copy({ KmsKeyId: 'alias/aws/ebs' })).rejects.toEqual(failing('InvalidParameterDependency'))
    expect(await idsOf(place, { Owners: ['self'] })).toEqual([ImageId])
    expect((await place.ec2('DescribeSnapshots', { OwnerIds: ['self'] })).Snapshots).toMatchObject([{ SnapshotId }])
  })
})

/** All pages that `read` gives, one after the other. */
async function paged<Page extends { NextToken?: string }>(
  read: (NextToken?: string) => Promise<Page>,
): Promise<readonly Page[]> {
  const pages = [await read()]
  while (pages.at(-1)!.NextToken) pages.push(await read(pages.at(-1)!.NextToken))
  return pages
}

describe('lists over several accounts', () => {
  it('neither show nor find what is shared by the tags of its owner, and go on after what they leave out (AWS facts A.5)', async () => {
    const { at } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
      const { ImageId, SnapshotId } = await newImage(ours, name)
      await share(ours, ImageId)
      await shareSnapshot(ours, SnapshotId)
      await ours.ec2('CreateTags', { Resources: [SnapshotId], Tags: TAGS })
    }
    const mine = await newImage(theirs, 'mine')
    await theirs.ec2('CreateTags', { Resources: [mine.SnapshotId], Tags: TAGS })
    const { Snapshots = [] } = await theirs.ec2('DescribeSnapshots', { RestorableByUserIds: ['self'] })
    const { Images = [] } = await theirs.ec2('DescribeImages', { ExecutableUsers: ['self'] })
    expect([Snapshots.length, Images.length]).toEqual([7, 6])
    const foreign = [...Snapshots, ...Images].filter(({ OwnerId }) => OwnerId === OURS)
    expect(foreign.map(({ Tags }) => Tags)).toEqual(Array(12).fill(undefined))
    for (const Filters of [
      [{ Name: 'tag:app', Values: ['web'] }],
      [{ Name: 'tag-key', Values: ['app'] }],
      [{ Name: 'tag:app', Values: ['*'] }],
    ]) {
      const snapshots = await paged((NextToken) =>
        theirs.ec2('DescribeSnapshots', { Filters, MaxResults: 5, NextToken }),
      )
      const images = await paged((NextToken) => theirs.ec2('DescribeImages', { Filters, MaxResults: 5, NextToken }))
      expect(snapshots.map((page) => page.Snapshots!.map((one) => one.SnapshotId))).toEqual([[mine.SnapshotId]])
      expect(images.map((page) => page.Images!.map((one) => one.ImageId))).toEqual([[mine.ImageId]])
    }
  })

  it('are paged without skipping anything, own things first (AWS facts A.4, A.19)', async () => {
    const { at } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    // What is shared was made before most of the own: places in the order must not mix.
    const { ImageId, SnapshotId } = await newImage(ours)
    await share(ours, ImageId)
    await shareSnapshot(ours, SnapshotId)
    const own: Made[] = []
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) own.push(await newImage(theirs, name))
    const snapshots = await paged((NextToken) => theirs.ec2('DescribeSnapshots', { MaxResults: 5, NextToken }))
    const images = await paged((NextToken) => theirs.ec2('DescribeImages', { MaxResults: 5, NextToken }))
    expect(snapshots.flatMap(({ Snapshots = [] }) => Snapshots.map((one) => one.SnapshotId))).toEqual([
      ...own.map((one) => one.SnapshotId),
      SnapshotId,
    ])
    expect(images.flatMap(({ Images = [] }) => Images.map((one) => one.ImageId))).toEqual([
      ...own.map((one) => one.ImageId),
      ImageId,
    ])
  })
})
