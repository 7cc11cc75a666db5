import { describe, expect, it } from 'vitest'
import { IMAGE_ID, MINUTE_MS, testAccount } from './ec2-account.ts'
import type { TestAccount } from './ec2-account.ts'

const refused = (call: Promise<unknown>, code: string, message?: string): Promise<void> =>
  expect(call).rejects.toMatchObject(message === undefined ? { code } : { code, message })

async function rootSnapshot(account: TestAccount, instanceId: string): Promise<string> {
  const { SnapshotId } = await account.call('CreateSnapshot', {
    VolumeId: await account.volumeAt(instanceId, '/dev/xvda'),
  })
  await account.clock.advance(10 * MINUTE_MS)
  return SnapshotId!
}

const register = (account: TestAccount, SnapshotId: string, more: object = {}) =>
  account.call('RegisterImage', {
    Name: 'restored',
    RootDeviceName: '/dev/xvda',
    Architecture: 'x86_64',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId } }],
    ...more,
  })

const imageOf = async (account: TestAccount, id: string) =>
  (await account.call('DescribeImages', { ImageIds: [id] })).Images![0]!

describe('RegisterImage (AWS facts A.17)', () => {
  it('is i386 and paravirtual where nothing else is said', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const snapshotId = await rootSnapshot(account, id)
    const { ImageId } = await account.call('RegisterImage', {
      Name: 'defaults',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId } }],
    })
    expect(await imageOf(account, ImageId!)).toMatchObject({
      Architecture: 'i386',
      VirtualizationType: 'paravirtual',
      State: 'available',
      PlatformDetails: 'Linux/UNIX',
    })
  })

  it('takes a name once, well formed, and refuses encryption beside a snapshot and a root that is not mapped', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const snapshotId = await rootSnapshot(account, id)
    const { ImageId } = await register(account, snapshotId)
    await refused(
      register(account, snapshotId),
      'InvalidAMIName.Duplicate',
      `AMI name restored is already in use by AMI ${ImageId}`,
    )
    await refused(register(account, snapshotId, { Name: 'a*b' }), 'InvalidAMIName.Malformed')
    await refused(
      register(account, snapshotId, {
        Name: 'encrypted',
        BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId, Encrypted: true } }],
      }),
      'InvalidBlockDeviceMapping',
    )
    await refused(
      register(account, snapshotId, { Name: 'other root', RootDeviceName: '/dev/sda1' }),
      'InvalidBlockDeviceMapping',
    )
    await refused(
      register(account, snapshotId, { Name: 'tpm', TpmSupport: 'v2.0', BootMode: 'legacy-bios' }),
      'InvalidParameterCombination',
    )
  })

  it('refuses a snapshot that is not completed', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const { SnapshotId } = await account.call('CreateSnapshot', { VolumeId: await account.volumeAt(id, '/dev/xvda') })
    await refused(register(account, SnapshotId!), 'IncorrectState')
  })

  it('keeps its snapshot from being deleted, until it is deregistered; then both may go at once', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const snapshotId = await rootSnapshot(account, id)
    const { ImageId } = await register(account, snapshotId)
    await refused(
      account.call('DeleteSnapshot', { SnapshotId: snapshotId }),
      'InvalidSnapshot.InUse',
      `The snapshot ${snapshotId} is currently in use by ${ImageId}`,
    )
    const { DeleteSnapshotResults } = await account.call('DeregisterImage', {
      ImageId: ImageId!,
      DeleteAssociatedSnapshots: true,
    })
    expect(DeleteSnapshotResults).toEqual([{ SnapshotId: snapshotId, ReturnCode: 'success' }])
    await refused(account.call('DescribeSnapshots', { SnapshotIds: [snapshotId] }), 'InvalidSnapshot.NotFound')
    await refused(imageOf(account, ImageId!), 'InvalidAMIID.NotFound')
    await refused(account.call('DeregisterImage', { ImageId: IMAGE_ID }), 'AuthFailure')
  })

  it('is billed as the image that its snapshot goes back to', async () => {
    const account = testAccount()
    account.host.registerImage({
      imageId: 'ami-0000000000000d055',
      rootDeviceName: '/dev/xvda',
      rootDeviceType: 'ebs',
      rootSizeGiB: 1,
      software: { platformDetails: 'Windows', usageOperation: 'RunInstances:0002' },
    })
    const { id } = await account.runningInstance({ ImageId: 'ami-0000000000000d055' })
    const { ImageId } = await register(account, await rootSnapshot(account, id))
    expect(await imageOf(account, ImageId!)).toMatchObject({
      Platform: 'Windows',
      PlatformDetails: 'Windows',
      UsageOperation: 'RunInstances:0002',
    })
  })
})

describe('CreateImage (AWS facts A.17)', () => {
  it('reboots the guest unless told, is pending while its snapshots are, and can be launched then', async () => {
    const account = testAccount()
    const { id, guest } = await account.runningInstance()
    const { ImageId: quiet } = await account.call('CreateImage', { InstanceId: id, Name: 'quiet', NoReboot: true })
    expect(guest.stopped).toBe(false)
    expect((await imageOf(account, quiet!)).State).toBe('pending')
    await refused(account.runningInstance({ ImageId: quiet! }), 'InvalidAMIID.Unavailable')
    await account.clock.advance(10 * MINUTE_MS)
    expect(await imageOf(account, quiet!)).toMatchObject({ State: 'available', SourceInstanceId: id })
    const copy = await account.runningInstance({ ImageId: quiet!, BlockDeviceMappings: [] })
    expect(copy.guest.disks.map(({ device }) => device)).toEqual(['/dev/xvda', '/dev/sdf'])

    await account.call('CreateImage', { InstanceId: id, Name: 'clean' })
    await account.clock.advance(MINUTE_MS)
    expect(guest.stopped).toBe(true)
    expect(account.guests.at(-1)!.spec.instanceId).toBe(id)
    expect(await account.stateOf(id)).toBe('running')
  })
})

describe('who may use an image', () => {
  it('is said account by account, or to everybody', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const { ImageId = '' } = await register(account, await rootSnapshot(account, id))
    const change = (Add: object[]) => account.call('ModifyImageAttribute', { ImageId, LaunchPermission: { Add } })
    await change([{ UserId: '444455556666' }])
    await refused(change([{ UserId: 'me' }]), 'InvalidAMIAttributeItemValue')
    const { LaunchPermissions } = await account.call('DescribeImageAttribute', {
      ImageId,
      Attribute: 'launchPermission',
    })
    expect(LaunchPermissions).toEqual([{ UserId: '444455556666' }])
    const own = await account.call('DescribeImages', { Owners: ['self'] })
    expect(own.Images!.map((image) => image.ImageId)).toEqual([ImageId])
    const amazons = await account.call('DescribeImages', { Owners: ['amazon'] })
    expect(amazons.Images!.map((image) => image.ImageId)).toEqual([IMAGE_ID])
    const shared = await account.call('DescribeImages', { ExecutableUsers: ['444455556666'] })
    expect(shared.Images!.map((image) => image.ImageId)).toEqual([ImageId])
  })
})

const replace = (account: TestAccount, request: object) =>
  account.call('CreateReplaceRootVolumeTask', { InstanceId: '', ...request })
const taskStates = async (account: TestAccount) =>
  (await account.call('DescribeReplaceRootVolumeTasks', {})).ReplaceRootVolumeTasks!.map((task) => task.TaskState)

describe('a replacement of the root volume (AWS facts A.16)', () => {
  it('takes a snapshot of what was its root, of the same size and life, and reboots on it', async () => {
    const account = testAccount()
    const { id, guest } = await account.runningInstance()
    const before = await account.volumeAt(id, '/dev/xvda')
    const snapshotId = await rootSnapshot(account, id)
    await replace(account, { InstanceId: id, SnapshotId: snapshotId, DeleteReplacedRootVolume: true })
    expect(await taskStates(account)).toEqual(['pending'])
    await refused(replace(account, { InstanceId: id }), 'IncorrectState')
    await account.clock.advance(6_000)
    expect(await taskStates(account)).toEqual(['in-progress'])
    await account.clock.advance(MINUTE_MS)
    expect(await taskStates(account)).toEqual(['succeeded'])
    const after = await account.volumeAt(id, '/dev/xvda')
    expect(after).not.toBe(before)
    expect(guest.stopped).toBe(true)
    expect(account.guests.at(-1)!.disks.map(({ volumeId }) => volumeId)).toContain(after)
    await refused(account.call('DescribeVolumes', { VolumeIds: [before] }), 'InvalidVolume.NotFound')
    // A snapshot of the first root is still of this instance's lineage.
    await replace(account, { InstanceId: id, SnapshotId: snapshotId })
  })

  it('refuses the snapshot of another machine, two sources, and a stopped instance', async () => {
    const account = testAccount()
    const [one, other] = [await account.runningInstance(), await account.runningInstance()]
    const foreign = await rootSnapshot(account, other.id)
    await refused(
      replace(account, { InstanceId: one.id, SnapshotId: foreign }),
      'InvalidParameterValue',
      `Invalid snapshot for root volume for virt ${one.id}. The snapshot should be of one of the root volumes attached to the instance in the past`,
    )
    await refused(
      replace(account, { InstanceId: one.id, SnapshotId: foreign, ImageId: IMAGE_ID }),
      'InvalidParameterCombination',
    )
    await account.call('StopInstances', { InstanceIds: [one.id] })
    await refused(replace(account, { InstanceId: one.id }), 'IncorrectInstanceState')
  })

  it('goes back to the launch, to an image, or to a volume of the same zone', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const roots = new Set([await account.volumeAt(id, '/dev/xvda')])
    const { VolumeId } = await account.call('CreateVolume', { AvailabilityZone: 'eu-central-1a', Size: 1 })
    const far = await account.call('CreateVolume', { AvailabilityZone: 'eu-central-1b', Size: 1 })
    await account.clock.advance(MINUTE_MS)
    await refused(replace(account, { InstanceId: id, VolumeId: far.VolumeId }), 'InvalidVolume.ZoneMismatch')
    for (const source of [{}, { ImageId: IMAGE_ID }, { VolumeId }]) {
      await replace(account, { InstanceId: id, ...source })
      await account.clock.advance(MINUTE_MS)
      roots.add(await account.volumeAt(id, '/dev/xvda'))
    }
    expect(roots.size).toBe(4)
    expect(await account.volumeAt(id, '/dev/xvda')).toBe(VolumeId)
  })

  it('leaves the old root when it fails, or none at all', async () => {
    const account = testAccount()
    const { id } = await account.runningInstance()
    const before = await account.volumeAt(id, '/dev/xvda')
    for (const how of ['failed', 'failed-detached'] as const) {
      account.host.failRootReplacement(id, how)
      await replace(account, { InstanceId: id })
      await account.clock.advance(MINUTE_MS)
      if (how === 'failed') expect(await account.volumeAt(id, '/dev/xvda')).toBe(before)
    }
    expect(await taskStates(account)).toEqual(['failed', 'failed-detached'])
    const { Volumes } = await account.call('DescribeVolumes', { VolumeIds: [before] })
    expect(Volumes).toMatchObject([{ State: 'available' }])
  })
})
