import type { ModifySnapshotAttributeRequest } from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { AWAY, BLOCK_BYTES, DAY_MS, HOME, MINUTE_MS, OURS, THEIRS, testPlaces } from './ebs-places.ts'
import type { TestPlace } from './ebs-places.ts'

const HOUR_MS = 60 * MINUTE_MS
const failing = (code: string, message?: string | RegExp) =>
  expect.objectContaining({ code, ...(message ? { message: expect.stringMatching(message) } : {}) })

const written = async (place: TestPlace, request = {}): Promise<{ volume: string; snapshot: string }> => {
  const volume = await place.volume(request)
  place.write(volume, 0, 1)
  return { volume, snapshot: await place.snapshot(volume) }
}

/** The event of the end of a snapshot or copy. */
const told = ({ events }: TestPlace, id: string) =>
  events.map(({ detail }) => detail).filter((detail) => String(detail['snapshot_id']).endsWith(id))

const ids = async ({ ec2 }: TestPlace, request = {}) =>
  (await ec2('DescribeSnapshots', request)).Snapshots!.map(({ SnapshotId }) => SnapshotId)

describe('CopySnapshot (AWS facts A.6)', () => {
  it('brings bytes to another Region, but neither tags nor shares nor the volume’s id', async () => {
    const { at, clock } = testPlaces()
    const [home, away] = [at(OURS), at(OURS, AWAY)]
    const { volume, snapshot } = await written(home)
    await home.ec2('ModifySnapshotAttribute', { SnapshotId: snapshot, OperationType: 'add', UserIds: [THEIRS] })
    const { SnapshotId = '' } = await away.ec2('CopySnapshot', {
      SourceRegion: HOME,
      SourceSnapshotId: snapshot,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'run', Value: '1' }] }],
    })
    expect(await away.describe(SnapshotId)).toMatchObject({ State: 'pending', Tags: [{ Key: 'run', Value: '1' }] })
    await home.ec2('DeleteSnapshot', { SnapshotId: snapshot }) // the copy is on its way already
    await clock.advance(5 * MINUTE_MS)
    const copy = await away.describe(SnapshotId)
    expect(copy).toMatchObject({ State: 'completed', VolumeSize: 1, FullSnapshotSizeInBytes: BLOCK_BYTES })
    expect(copy?.VolumeId).not.toBe(volume)
    const permissions = { SnapshotId, Attribute: 'createVolumePermission' } as const
    expect(await away.ec2('DescribeSnapshotAttribute', permissions)).toMatchObject({ CreateVolumePermissions: [] })
    const { Blocks } = await away.ebs('ListSnapshotBlocks', { SnapshotId })
    expect(Blocks).toHaveLength(1)
    expect(told(away, SnapshotId)).toMatchObject([
      {
        event: 'copySnapshot',
        result: 'succeeded',
        incremental: 'false',
        transferType: 'standard',
        source: `arn:aws:ec2::${HOME}:snapshot/${snapshot}`,
      },
    ])
  })

  it('is incremental to the last copy of the same lineage and key, and full under another key', async () => {
    const { at, clock } = testPlaces()
    const [home, away] = [at(OURS), at(OURS, AWAY)]
    const { volume, snapshot: first } = await written(home)
    const copy = async (SourceSnapshotId: string, more = {}): Promise<string> => {
      const { SnapshotId } = await away.ec2('CopySnapshot', { SourceRegion: HOME, SourceSnapshotId, ...more })
      await clock.advance(5 * MINUTE_MS)
      return SnapshotId!
    }
    const base = await copy(first)
    home.write(volume, 1, 1)
    const next = await copy(await home.snapshot(volume))
    expect(told(away, next)).toMatchObject([{ incremental: 'true' }])
    const changed = await away.ebs('ListChangedBlocks', { FirstSnapshotId: base, SecondSnapshotId: next })
    expect(changed.ChangedBlocks?.map(({ BlockIndex }) => BlockIndex)).toEqual([1])
    const key = await away.newKey()
    const other = await copy(first, { Encrypted: true, KmsKeyId: key })
    expect(told(away, other)).toMatchObject([{ incremental: 'false' }])
    expect(told(away, await copy(first))).toMatchObject([{ incremental: 'false' }]) // the chain was broken
    await expect(
      away.ebs('ListChangedBlocks', { FirstSnapshotId: next, SecondSnapshotId: other }),
    ).rejects.toMatchObject({ fields: { Reason: 'UNRELATED_SNAPSHOTS' } })
  })

  it('encrypts as the table says: never with the source’s key unless it is given', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const key = await home.newKey()
    const plain = (await written(home)).snapshot
    const secret = (await written(home, { Encrypted: true, KmsKeyId: key })).snapshot
    const keyOf = async (SourceSnapshotId: string, more = {}) => {
      const { SnapshotId } = await home.ec2('CopySnapshot', { SourceRegion: HOME, SourceSnapshotId, ...more })
      await clock.advance(5 * MINUTE_MS)
      return (await home.describe(SnapshotId!))?.KmsKeyId
    }
    const aws = home.kms.managedKey('alias/aws/ebs').arn
    expect(await keyOf(plain)).toBeUndefined()
    expect(await keyOf(plain, { Encrypted: true })).toBe(aws)
    expect(await keyOf(plain, { Encrypted: true, KmsKeyId: key })).toBe(key)
    expect(await keyOf(secret)).toBe(aws)
    expect(await keyOf(secret, { KmsKeyId: key })).toBe(key)
    await expect(keyOf(secret, { Encrypted: false })).rejects.toEqual(failing('InvalidParameterCombination'))
    await home.ec2('ModifyEbsDefaultKmsKeyId', { KmsKeyId: key })
    await home.ec2('EnableEbsEncryptionByDefault', {})
    expect(await keyOf(plain)).toBe(key)
  })

  it('succeeds with a key that cannot be used, and ends in error with the reason in the StateMessage alone', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const { snapshot } = await written(home)
    const KmsKeyId = await home.newKey()
    await home.disableKey(KmsKeyId)
    const request = { SourceRegion: HOME, SourceSnapshotId: snapshot, Encrypted: true, KmsKeyId }
    const { SnapshotId = '' } = await home.ec2('CopySnapshot', request)
    expect(await home.describe(SnapshotId)).toMatchObject({ State: 'pending' })
    await clock.advance(5 * MINUTE_MS)
    expect(await home.describe(SnapshotId)).toMatchObject({
      State: 'error',
      StateMessage: 'Given key ID is not accessible',
    })
    expect(told(home, SnapshotId)).toMatchObject([{ event: 'copySnapshot', result: 'failed' }])
  })

  it('takes twenty at a time into a Region', async () => {
    const { at, clock } = testPlaces()
    const [home, away] = [at(OURS), at(OURS, AWAY)]
    const snapshot = await home.snapshot(await home.volume())
    const copy = () => away.ec2('CopySnapshot', { SourceRegion: HOME, SourceSnapshotId: snapshot })
    for (let count = 0; count < 20; count += 1) await copy()
    await expect(copy()).rejects.toEqual(failing('ResourceLimitExceeded', /The limit is 20 for this destination/))
    await clock.advance(5 * MINUTE_MS)
    await copy()
  })

  it('copies what another account shares, and owns the copy; a pending source is refused', async () => {
    const { at, clock } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS, AWAY)]
    const { volume, snapshot } = await written(ours)
    const request = { SourceRegion: HOME, SourceSnapshotId: snapshot }
    await expect(theirs.ec2('CopySnapshot', request)).rejects.toEqual(failing('InvalidSnapshot.NotFound'))
    await ours.ec2('ModifySnapshotAttribute', { SnapshotId: snapshot, OperationType: 'add', UserIds: [THEIRS] })
    const { SnapshotId = '' } = await theirs.ec2('CopySnapshot', request)
    await clock.advance(5 * MINUTE_MS)
    expect(await theirs.describe(SnapshotId)).toMatchObject({ OwnerId: THEIRS, State: 'completed' })
    const pending = await ours.ec2('CreateSnapshot', { VolumeId: volume })
    await expect(
      ours.ec2('CopySnapshot', { SourceRegion: HOME, SourceSnapshotId: pending.SnapshotId }),
    ).rejects.toEqual(failing('IncorrectState'))
  })

  it('is in time when there is throughput for it, says when it is not, and is refused when none is left', async () => {
    const slow = BLOCK_BYTES / 1024 / 1024 / (20 * 60) // MiB/s: one block in 20 minutes
    const { at, clock } = testPlaces({ quotas: { timeBasedCopyRate: slow } })
    const [home, away] = [at(OURS), at(OURS, AWAY)]
    const { snapshot } = await written(home)
    const copy = (CompletionDurationMinutes: number) =>
      away.ec2('CopySnapshot', { SourceRegion: HOME, SourceSnapshotId: snapshot, CompletionDurationMinutes })
    await expect(copy(20)).rejects.toEqual(failing('InvalidParameterValue'))
    const { SnapshotId = '' } = await copy(15)
    await expect(copy(15)).rejects.toEqual(failing('ResourceLimitExceeded'))
    await clock.advance(16 * MINUTE_MS)
    expect(await away.describe(SnapshotId)).toMatchObject({
      State: 'pending',
      TransferType: 'time-based',
      CompletionDurationMinutes: 15,
    })
    expect(away.events.map((event) => event['detail-type'])).toEqual(['EBS Copy Snapshot Missed Completion Duration'])
    await clock.advance(5 * MINUTE_MS)
    expect(await away.describe(SnapshotId)).toMatchObject({ State: 'completed' })
    const inTime = testPlaces()
    const place = inTime.at(OURS)
    const source = (await written(place)).snapshot
    const request = { SourceRegion: HOME, SourceSnapshotId: source, CompletionDurationMinutes: 15 }
    const fast = await place.ec2('CopySnapshot', request)
    await inTime.clock.advance(15 * MINUTE_MS)
    expect(await place.describe(fast.SnapshotId!)).toMatchObject({ State: 'completed' })
    expect(place.events.map((event) => event['detail-type'])).not.toContain(
      'EBS Copy Snapshot Missed Completion Duration',
    )
  })
})

describe('shares (AWS facts A.5)', () => {
  it('show a snapshot to whom it is shared with, who can make volumes of it and not delete it', async () => {
    const { at } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const { snapshot: SnapshotId } = await written(ours)
    expect(await ids(theirs)).toEqual([])
    expect(await ids(theirs, { SnapshotIds: [SnapshotId] })).toEqual([]) // left out in silence (AWS facts A.4)
    await expect(theirs.volume({ SnapshotId })).rejects.toEqual(failing('InvalidSnapshot.NotFound'))
    await ours.ec2('ModifySnapshotAttribute', { SnapshotId, CreateVolumePermission: { Add: [{ UserId: THEIRS }] } })
    expect(await ids(theirs)).toEqual([SnapshotId])
    expect(await ids(theirs, { OwnerIds: ['self'] })).toEqual([])
    expect(await ids(theirs, { OwnerIds: [OURS] })).toEqual([SnapshotId])
    expect(await ids(ours, { RestorableByUserIds: [THEIRS] })).toEqual([SnapshotId])
    expect(await ids(ours, { RestorableByUserIds: ['999900001111'] })).toEqual([])
    await theirs.volume({ SnapshotId })
    await expect(theirs.ec2('DeleteSnapshot', { SnapshotId })).rejects.toEqual(failing('OperationNotPermitted'))
    await ours.ec2('ResetSnapshotAttribute', { SnapshotId, Attribute: 'createVolumePermission' })
    expect(await ids(theirs)).toEqual([])
  })

  it('are refused for AWS’s own key, for everybody when encrypted, and as a mixture of adding and removing', async () => {
    const { at } = testPlaces()
    const ours = at(OURS)
    const share = async (SnapshotId: string, names: object) =>
      ours.ec2('ModifySnapshotAttribute', { SnapshotId, OperationType: 'add', ...names })
    const managed = await ours.snapshot(await ours.volume({ Encrypted: true }))
    await expect(share(managed, { UserIds: [THEIRS] })).rejects.toEqual(
      failing('OperationNotPermitted', /EBS default key cannot be shared/),
    )
    const own = await ours.snapshot(await ours.volume({ Encrypted: true, KmsKeyId: await ours.newKey() }))
    await share(own, { UserIds: [THEIRS] })
    await expect(share(own, { GroupNames: ['all'] })).rejects.toEqual(
      failing('OperationNotPermitted', /cannot be shared publicly/),
    )
    const mixed = { Add: [{ UserId: THEIRS }], Remove: [{ UserId: OURS }] }
    await expect(
      ours.ec2('ModifySnapshotAttribute', { SnapshotId: own, CreateVolumePermission: mixed }),
    ).rejects.toEqual(failing('InvalidParameterCombination'))
    const many = Array.from({ length: 501 }, (_, index) => String(100_000_000_000 + index))
    await expect(share(own, { UserIds: many })).rejects.toEqual(failing('InvalidParameterValue'))
  })

  it('with everybody end where public access is blocked', async () => {
    const { at } = testPlaces()
    const [ours, theirs] = [at(OURS), at(THEIRS)]
    const { snapshot: SnapshotId } = await written(ours)
    const publish: ModifySnapshotAttributeRequest = { SnapshotId, OperationType: 'add', GroupNames: ['all'] }
    await ours.ec2('ModifySnapshotAttribute', publish)
    expect(await theirs.describe(SnapshotId)).toBeDefined()
    await ours.ec2('EnableSnapshotBlockPublicAccess', { State: 'block-all-sharing' })
    expect(await theirs.describe(SnapshotId)).toBeUndefined()
    await expect(ours.ec2('ModifySnapshotAttribute', publish)).rejects.toEqual(failing('OperationNotPermitted'))
    await ours.ec2('EnableSnapshotBlockPublicAccess', { State: 'block-new-sharing' })
    expect(await theirs.describe(SnapshotId)).toBeDefined()
  })
})

describe('locks (AWS facts A.8)', () => {
  it('keep a snapshot from being deleted until they end or are taken off, in governance mode', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const { snapshot: SnapshotId } = await written(home)
    const lock = { SnapshotId, LockMode: 'governance', LockDuration: 1 } as const
    expect(await home.ec2('LockSnapshot', lock)).toMatchObject({ LockState: 'governance', LockDuration: 1 })
    await expect(home.ec2('DeleteSnapshot', { SnapshotId })).rejects.toEqual(failing('OperationNotPermitted'))
    await home.ec2('UnlockSnapshot', { SnapshotId })
    await home.ec2('LockSnapshot', lock)
    await clock.advance(DAY_MS)
    expect((await home.ec2('DescribeLockedSnapshots', {})).Snapshots).toMatchObject([{ LockState: 'expired' }])
    expect(told(home, SnapshotId).map((detail) => detail['event'])).toContain('lockDurationExpiry')
    await home.ec2('DeleteSnapshot', { SnapshotId })
  })

  it('in compliance mode can only be made longer once the cool-off time is over', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const { snapshot: SnapshotId } = await written(home)
    const lock = (LockDuration: number, more = {}) =>
      home.ec2('LockSnapshot', { SnapshotId, LockMode: 'compliance', LockDuration, ...more })
    expect(await lock(2, { CoolOffPeriod: 1 })).toMatchObject({ LockState: 'compliance-cooloff' })
    await home.ec2('UnlockSnapshot', { SnapshotId })
    await lock(2, { CoolOffPeriod: 1 })
    await clock.advance(HOUR_MS)
    const refused = failing('OperationNotPermitted')
    await expect(home.ec2('UnlockSnapshot', { SnapshotId })).rejects.toEqual(refused)
    await expect(lock(1)).rejects.toEqual(refused)
    const governance = { SnapshotId, LockMode: 'governance', LockDuration: 3 } as const
    await expect(home.ec2('LockSnapshot', governance)).rejects.toEqual(refused)
    await lock(3)
    await clock.advance(2.5 * DAY_MS)
    await expect(home.ec2('DeleteSnapshot', { SnapshotId })).rejects.toEqual(refused)
  })

  it('of a pending snapshot begin with its completion', async () => {
    const { at, clock } = testPlaces()
    const home = at(OURS)
    const { SnapshotId } = await home.ec2('CreateSnapshot', { VolumeId: await home.volume() })
    const locked = await home.ec2('LockSnapshot', { SnapshotId, LockMode: 'governance', LockDuration: 1 })
    expect(locked.LockExpiresOn).toBeUndefined()
    await clock.advance(5 * MINUTE_MS)
    const [row] = (await home.ec2('DescribeLockedSnapshots', {})).Snapshots!
    expect(row!.LockExpiresOn!.getTime() - row!.LockDurationStartTime!.getTime()).toBe(DAY_MS)
    for (const wrong of [{}, { LockDuration: 1, ExpirationDate: new Date(0) }, { LockDuration: 1, CoolOffPeriod: 1 }])
      await expect(home.ec2('LockSnapshot', { SnapshotId, LockMode: 'governance', ...wrong })).rejects.toEqual(
        failing('InvalidParameterCombination'),
      )
  })
})

describe('quotas of snapshots (AWS facts A.22)', () => {
  it('end what may be there and what may be pending', async () => {
    const few = testPlaces({ quotas: { snapshots: 1 } }).at(OURS)
    const VolumeId = await few.volume()
    await few.snapshot(VolumeId)
    await expect(few.ec2('CreateSnapshot', { VolumeId })).rejects.toEqual(failing('SnapshotLimitExceeded'))
    const slow = testPlaces({ quotas: { pendingSnapshots: 1 } }).at(OURS)
    await slow.ec2('CreateSnapshot', { VolumeId: await slow.volume() })
    await expect(slow.ec2('CreateSnapshot', { VolumeId: await slow.volume() })).rejects.toEqual(
      failing('PendingSnapshotLimitExceeded'),
    )
  })
})
