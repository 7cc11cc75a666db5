import { existsSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MINUTE_MS, OURS, THEIRS, testPlaces } from './ebs-places.ts'
import type { TestPlace } from './ebs-places.ts'

const HOUR_MS = 60 * MINUTE_MS
const ZONE = 'eu-central-1a'
const failing = (code: string) => expect.objectContaining({ code })

const volumeOf = async ({ ec2 }: TestPlace, VolumeId: string) =>
  (await ec2('DescribeVolumes', { VolumeIds: [VolumeId] })).Volumes![0]!

const notes = ({ events }: TestPlace) =>
  events.map(({ detail }) => [detail['event'], detail['result'], detail['cause']].filter(Boolean).join(' '))

describe('encryption of volumes (AWS facts A.12, G)', () => {
  it('follows the snapshot, the request, and the default of the Region', async () => {
    const { at } = testPlaces()
    const home = at(OURS)
    const key = await home.newKey()
    const aws = home.kms.managedKey('alias/aws/ebs').arn
    const plain = await home.snapshot(await home.volume())
    const secret = await home.snapshot(await home.volume({ Encrypted: true, KmsKeyId: key }))
    const keyOf = async (request: object) => (await volumeOf(home, await home.volume(request))).KmsKeyId
    expect(await keyOf({})).toBeUndefined()
    expect(await keyOf({ Encrypted: true })).toBe(aws)
    expect(await keyOf({ SnapshotId: plain })).toBeUndefined()
    expect(await keyOf({ SnapshotId: plain, Encrypted: true, KmsKeyId: key })).toBe(key)
    expect(await keyOf({ SnapshotId: secret })).toBe(key)
    expect(await keyOf({ SnapshotId: secret, Encrypted: true, KmsKeyId: aws })).toBe(aws)
    await home.ec2('EnableEbsEncryptionByDefault', {})
    expect(await keyOf({})).toBe(aws)
    expect(await keyOf({ SnapshotId: plain })).toBe(aws)
    await home.ec2('ModifyEbsDefaultKmsKeyId', { KmsKeyId: key })
    expect(await keyOf({})).toBe(key)
  })

  it('of another account’s snapshot is the account’s own key, unless the owner’s is given', async () => {
    const { at } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const key = await ours.newKey()
    const SnapshotId = await ours.snapshot(await ours.volume({ Encrypted: true, KmsKeyId: key }))
    await ours.ec2('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', UserIds: [THEIRS] })
    const made = await volumeOf(theirs, await theirs.volume({ SnapshotId }))
    expect(made.KmsKeyId).toBe(theirs.kms.managedKey('alias/aws/ebs').arn)
  })

  it('under a key that cannot be used is found out later: the call succeeds, an event tells, the volume is gone', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const key = await home.newKey()
    await home.disableKey(key)
    const request = { AvailabilityZone: ZONE, Size: 1, Encrypted: true, KmsKeyId: key }
    const { VolumeId = '', State } = await home.ec2('CreateVolume', request)
    expect(State).toBe('creating')
    await clock.advance(10_000)
    await expect(volumeOf(home, VolumeId)).rejects.toEqual(failing('InvalidVolume.NotFound'))
    expect(notes(home)).toEqual([`createVolume failed ${key} is disabled.`])
  })
})

describe('making volumes (AWS facts A.12)', () => {
  it('needs no file until something is written', async () => {
    const home = testPlaces().at(OURS)
    const volume = await home.volume({ Size: 100 })
    const clone = await home.volume({ SnapshotId: await home.snapshot(volume) })
    const path = home.host.volumePath(clone).replace(clone, volume)
    expect(existsSync(path)).toBe(false)
    expect(statSync(home.host.volumePath(volume)).size).toBe(100 * 1024 ** 3)
  })

  it('reads from the snapshot at the rate that was asked for, whose sum is limited, and tells when it is done', async () => {
    const { at, clock } = testPlaces({ quotas: { initializationRate: 400 } })
    const home = at(OURS)
    const source = await home.volume()
    for (let index = 0; index < 8; index += 1) home.write(source, index, 1)
    const SnapshotId = await home.snapshot(source)
    const create = (VolumeInitializationRate: number, more = {}) =>
      home.ec2('CreateVolume', { AvailabilityZone: ZONE, SnapshotId, VolumeInitializationRate, ...more })
    await expect(create(99)).rejects.toEqual(failing('InvalidParameterValue'))
    await expect(create(301)).rejects.toEqual(failing('InvalidParameterValue'))
    await expect(create(100, { SnapshotId: undefined, Size: 1 })).rejects.toEqual(failing('InvalidParameterDependency'))
    const { VolumeId = '' } = await create(300)
    await expect(create(101)).rejects.toEqual(failing('VolumeInitializationRateLimitExceeded'))
    await clock.advance(3_005) // 4 MiB take 14 ms at 300 MiB/s
    const status = async () =>
      (await home.ec2('DescribeVolumeStatus', { VolumeIds: [VolumeId] })).VolumeStatuses![0]!
        .InitializationStatusDetails
    expect(await status()).toMatchObject({ InitializationType: 'provisioned-rate', Progress: 35 })
    await clock.advance(10)
    expect(await status()).toMatchObject({ Progress: 100 })
    expect(notes(home)).toContain('initializeVolume succeeded')
    await create(101)
  })

  it('meets quotas, zones without the type, and zones without room', async () => {
    const home = testPlaces({ quotas: { volumes: 2, storageGiB: { gp3: 10 }, iops: { io2: 1_000 } } }).at(OURS)
    await expect(home.volume({ VolumeType: 'gp3', Size: 11 })).rejects.toEqual(failing('VolumeLimitExceeded'))
    const io2 = { VolumeType: 'io2', Size: 4, Iops: 1_001 } as const
    await expect(home.volume(io2)).rejects.toEqual(failing('MaxIOPSLimitExceeded'))
    home.host.lackVolumes(ZONE, true, 'st1')
    await expect(home.volume({ VolumeType: 'st1', Size: 125 })).rejects.toEqual(failing('VolumeTypeNotAvailableInZone'))
    home.host.lackVolumes(ZONE, true)
    await expect(home.volume()).rejects.toMatchObject({ code: 'InsufficientVolumeCapacity', status: 500 })
    home.host.lackVolumes(ZONE, false)
    await home.volume()
    await home.volume()
    await expect(home.volume()).rejects.toEqual(failing('VolumeLimitExceeded'))
  })

  it('with Multi-Attach is for io2, and for io1 in three Regions (AWS facts A.15)', async () => {
    const { at } = testPlaces()
    const request = { Size: 4, Iops: 100, MultiAttachEnabled: true }
    await at(OURS).volume({ ...request, VolumeType: 'io2' })
    await expect(at(OURS).volume({ ...request, VolumeType: 'io1' })).rejects.toEqual(
      failing('InvalidParameterCombination'),
    )
    await at(OURS, 'us-east-1').volume({ ...request, VolumeType: 'io1' })
    await expect(at(OURS).volume({ MultiAttachEnabled: true })).rejects.toEqual(failing('InvalidParameterCombination'))
  })
})

describe('ModifyVolume', () => {
  it('goes from modifying over optimizing to completed, and is there from optimizing on', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const VolumeId = await home.volume({ VolumeType: 'gp3', Size: 8 })
    home.write(VolumeId, 0, 1)
    const { VolumeModification } = await home.ec2('ModifyVolume', { VolumeId, Size: 16, Iops: 3_500 })
    expect(VolumeModification).toMatchObject({ ModificationState: 'modifying', OriginalSize: 8, TargetSize: 16 })
    const state = async () => {
      const { VolumesModifications } = await home.ec2('DescribeVolumesModifications', { VolumeIds: [VolumeId] })
      return VolumesModifications![0]!.ModificationState
    }
    expect((await volumeOf(home, VolumeId)).Size).toBe(8)
    await clock.advance(10_000)
    expect(await state()).toBe('optimizing')
    expect(await volumeOf(home, VolumeId)).toMatchObject({ Size: 16, Iops: 3_500, Throughput: 125 })
    expect(statSync(home.host.volumePath(VolumeId)).size).toBe(16 * 1024 ** 3)
    await expect(home.ec2('ModifyVolume', { VolumeId, Size: 17 })).rejects.toEqual(
      failing('IncorrectModificationState'),
    )
    await clock.advance(HOUR_MS)
    expect(await state()).toBe('completed')
    expect(notes(home).slice(-2)).toEqual(['modifyVolume optimizing', 'modifyVolume completed'])
    await expect(home.ec2('ModifyVolume', { VolumeId, Size: 17 })).rejects.toEqual(
      failing('VolumeModificationRateExceeded'),
    )
    await clock.advance(5 * HOUR_MS)
    await expect(home.ec2('ModifyVolume', { VolumeId, Size: 15 })).rejects.toEqual(failing('InvalidParameterValue'))
    await home.ec2('ModifyVolume', { VolumeId, VolumeType: 'gp2' })
    await clock.advance(10_000)
    expect(await volumeOf(home, VolumeId)).toMatchObject({ VolumeType: 'gp2', Iops: 100 })
  })

  it('switches Multi-Attach of io2 alone (AWS facts A.15)', async () => {
    const home = testPlaces().at(OURS)
    const VolumeId = await home.volume({ VolumeType: 'io2', Size: 4, Iops: 100 })
    const { VolumeModification } = await home.ec2('ModifyVolume', { VolumeId, MultiAttachEnabled: true })
    expect(VolumeModification).toMatchObject({ TargetMultiAttachEnabled: true })
    const other = await home.volume({ VolumeType: 'gp3' })
    await expect(home.ec2('ModifyVolume', { VolumeId: other, MultiAttachEnabled: true })).rejects.toEqual(
      failing('InvalidParameterCombination'),
    )
  })

  it('is not known for a volume that was never modified', async () => {
    const home = testPlaces().at(OURS)
    const VolumeId = await home.volume()
    await expect(home.ec2('DescribeVolumesModifications', { VolumeIds: [VolumeId] })).rejects.toEqual(
      failing('InvalidVolumeModification.NotFound'),
    )
    await home.ec2('ModifyVolumeAttribute', { VolumeId, AutoEnableIO: { Value: true } })
    expect(await home.ec2('DescribeVolumeAttribute', { VolumeId, Attribute: 'autoEnableIO' })).toEqual({
      VolumeId,
      AutoEnableIO: { Value: true },
    })
  })
})
