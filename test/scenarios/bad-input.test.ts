import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DetachVolumeCommand,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { catalogItems } from './catalog-items.ts'
import { expectRefused, type Refusal } from './refusals.ts'
import { startWorld, type World } from './world.ts'

/**
 * Whatever is wrong with what an operator asks for: the run ends with a named error, the message names the object and says what
 * to do, and neither the account nor the catalog has changed by a single item, tag or state.
 */
let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const UNKNOWN_MACHINE = 'i-0123456789abcdef0'
const UNKNOWN_POINT = 'pt-0123456789abcdef0123'
const BOTH = ['protect-machine', 'revert-machine'] as const

const sleepMinute = (): Promise<void> => world.account.clock.sleep(60_000)

/** A machine without a workload: nothing here looks at its bytes. */
const launch = (order: Parameters<World['machine']>[0] = {}): Promise<string> =>
  world.machine({ userData: '', ...order })

async function expectSucceeds(workflow: Workflow, input: unknown): Promise<unknown> {
  const { result } = await world.run(workflow, input)
  expect(result, result.cause).toMatchObject({ status: 'SUCCEEDED' })
  return result.output
}

/** The id of the point. */
async function protect(machine: string): Promise<string> {
  const output = await expectSucceeds('protect-machine', { machine })
  return (output as { point: string }).point
}

const refused = (workflow: Workflow, input: unknown, refusal: Refusal): Promise<void> =>
  expectRefused(world, workflow, input, refusal)

const itemsOf = async (machine: string, state: string): Promise<Record<string, unknown>[]> =>
  (await catalogItems(world)).filter((item) => item['machine'] === machine && item['state'] === state)

describe('an input that is not as it should be', () => {
  const noMachine = ['no machine', {}, 'machine: '] as const
  const unknownField = [
    'a field that nobody knows',
    { machine: UNKNOWN_MACHINE, pont: UNKNOWN_POINT },
    '"pont"',
  ] as const
  const text = ['text', UNKNOWN_MACHINE, 'expected object'] as const
  const example = 'Expected e.g. {"machine":"i-0123456789abcdef0"}'

  test.each<readonly [string, unknown, string]>([
    noMachine,
    [
      'a machine id that is none',
      { machine: 'i-42' },
      'machine: not an instance id; expected e.g. i-0123456789abcdef0',
    ],
    ['a machine that is not text', { machine: 42 }, 'machine: '],
    unknownField,
    text,
    ['a list', [{ machine: UNKNOWN_MACHINE }], 'expected object'],
    ['a number', 42, 'expected object'],
  ])('protect-machine refuses %s', (_, input, says) =>
    refused('protect-machine', input, { error: 'InvalidInput', says: [says, example] }),
  )

  test.each<readonly [string, unknown, string]>([
    noMachine,
    unknownField,
    text,
    ['a point id that is none', { machine: UNKNOWN_MACHINE, point: 'latest' }, 'point: not a point id'],
    ['an undo that is not true or false', { machine: UNKNOWN_MACHINE, undo: 'yes' }, 'undo: '],
    [
      'a point and an undo',
      { machine: UNKNOWN_MACHINE, point: UNKNOWN_POINT, undo: true },
      'give either point or undo, not both',
    ],
  ])('revert-machine refuses %s', (_, input, says) =>
    refused('revert-machine', input, { error: 'InvalidInput', says: [says, example] }),
  )

  test.each<readonly [string, unknown, string]>([
    ['no policy', {}, 'policy: '],
    ['a policy name that is none', { policy: 'Every Hour' }, 'policy: not a policy name'],
    ['a time that is none', { policy: 'hourly', scheduledAt: 'today' }, 'scheduledAt: '],
    ['a field that nobody knows', { policy: 'hourly', machines: [] }, '"machines"'],
    ['text', 'hourly', 'expected object'],
  ])('protect-fleet refuses %s', (_, input, says) =>
    refused('protect-fleet', input, { error: 'InvalidInput', says: [says, 'Expected e.g. {"policy":"nightly"}'] }),
  )
})

describe('a machine or a policy that cannot be worked on', () => {
  test('a policy that is not deployed: protect-fleet names those that are', () =>
    refused('protect-fleet', { policy: 'weekly' }, { error: 'PolicyUnknown', says: ['weekly', 'hourly, nightly'] }))

  test('a machine that EC2 does not know', async () => {
    const says = [UNKNOWN_MACHINE, 'Check the id, the account and the Region.']
    for (const workflow of BOTH)
      await refused(workflow, { machine: UNKNOWN_MACHINE }, { error: 'MachineNotFound', says })
  })

  test('a machine without the tag', async () => {
    const machine = await world.fleet.launch({ name: 'cattle', dataDisks: [], userData: '' })
    await sleepMinute()
    const says = [machine, `aws ec2 create-tags --resources ${machine} --tags Key=tandem:policy`]
    for (const workflow of BOTH) await refused(workflow, { machine }, { error: 'MachineNotOptedIn', says })
  })

  test('a machine whose policy is not deployed, or is not the one whose turn it is, until its tag is changed', async () => {
    const machine = await launch({ policy: 'weekly' })
    const says = [machine, 'weekly', 'hourly, nightly', 'Change the tag, or add the policy and deploy.']
    await refused('protect-machine', { machine }, { error: 'PolicyUnknown', says })
    const input = { machine, policy: 'hourly' }
    await refused('protect-machine', input, { error: 'MachineNotOptedIn', says: [machine, 'weekly', 'hourly'] })
    await world.fleet.tag([machine], { 'tandem:policy': 'hourly' })
    await expectSucceeds('protect-machine', input)
  })

  test('a machine whose root disk is an instance store', async () => {
    const machine = await launchFromInstanceStore()
    const says = [machine, 'instance-store', 'remove the tag tandem:policy']
    await refused('protect-machine', { machine }, { error: 'RootNotOnEbs', says })
  })

  test('a member of an Auto Scaling group, which would replace it when it stops: its points are taken all the same', async () => {
    const machine = await launch({ dataDisks: [] })
    // Only AWS itself can write the tag that tells.
    world.account.ec2.setTags(machine, { 'aws:autoscaling:groupName': 'web-group' })
    await protect(machine)
    const says = [machine, 'web-group', 'Put it on standby and detach it from the group first.']
    await refused('revert-machine', { machine }, { error: 'MachineInAutoScalingGroup', says })
  })

  test('a machine that was terminated', async () => {
    const { ec2 } = world.fleet
    const machine = await launch({ dataDisks: [] })
    await world.fleet.call(() => ec2.send(new TerminateInstancesCommand({ InstanceIds: [machine] })))
    await sleepMinute()
    for (const workflow of BOTH)
      await refused(workflow, { machine }, { error: 'MachineTerminated', says: [machine, 'terminated'] })
  })
})

async function launchFromInstanceStore(): Promise<string> {
  const { account, fleet } = world
  const image = { rootDeviceName: '/dev/sda1', rootDeviceType: 'instance-store', rootSizeGiB: 1 } as const
  account.ec2.registerImage({ imageId: 'ami-0fedcba9876543210', ...image })
  const Tags = [{ Key: 'tandem:policy', Value: 'hourly' }]
  const order = new RunInstancesCommand({
    ImageId: 'ami-0fedcba9876543210',
    InstanceType: 'm5d.large',
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: [{ ResourceType: 'instance', Tags }],
  })
  const { Instances } = await fleet.call(() => fleet.ec2.send(order))
  await sleepMinute()
  return Instances?.[0]?.InstanceId ?? ''
}

describe('a point that a machine cannot be put back to', () => {
  test('none yet, one that nobody made, one of another machine; its own is good', async () => {
    const [machine, other] = [await launch(), await launch({ dataDisks: [] })]
    const list = `tandem points ${machine}`
    const none = [machine, 'no complete point', list]
    await refused('revert-machine', { machine }, { error: 'PointNotFound', says: none })
    const point = await protect(machine)
    const unknown = { machine, point: UNKNOWN_POINT }
    await refused('revert-machine', unknown, { error: 'PointNotFound', says: [UNKNOWN_POINT, list] })
    const foreign = await protect(other)
    const says = [foreign, other, machine, list]
    await refused('revert-machine', { machine, point: foreign }, { error: 'PointOfAnotherMachine', says })
    await expectSucceeds('revert-machine', { machine, point })
  })

  test('one that failed; without a wish the machine goes back to the complete one before it', async () => {
    const { account, fleet } = world
    const machine = await launch()
    const good = await protect(machine)
    account.ec2.failSnapshot(fleet.volumeAt(await fleet.describe(machine), '/dev/sdf'))
    const { result } = await world.run('protect-machine', { machine })
    expect(result).toMatchObject({ status: 'FAILED', error: 'SnapshotFailed' })
    // The snapshots that were deleted while they were pending are gone only when they would have been complete.
    await sleepMinute()
    const [failed] = await itemsOf(machine, 'failed')
    const point = String(failed?.['point'])
    const says = [point, machine, 'failed (SnapshotFailed)', `tandem points ${machine}`]
    await refused('revert-machine', { machine, point }, { error: 'PointNotComplete', says })
    await expectSucceeds('revert-machine', { machine })
    expect(await itemsOf(machine, 'reverted')).toMatchObject([{ target: { kind: 'point', point: good } }])
  })

  test('one of whose snapshots somebody deleted', async () => {
    const { fleet } = world
    const machine = await launch()
    const point = await protect(machine)
    const [item] = await itemsOf(machine, 'complete')
    const members = (item?.['members'] ?? []) as { snapshot: string; device: string }[]
    const { snapshot = '', device = '' } = members[1] ?? {}
    await fleet.call(() => fleet.ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshot })))
    const says = [snapshot, device, point, `tandem points ${machine}`]
    await refused('revert-machine', { machine }, { error: 'SnapshotMissing', says })
  })
})

describe('a machine whose disks cannot be swapped as they are', () => {
  let machine: string
  beforeAll(async () => {
    machine = await launch()
    await protect(machine)
  })
  const volumeAt = async (device: string): Promise<string> =>
    world.fleet.volumeAt(await world.fleet.describe(machine), device)

  test('a disk of the point was detached', async () => {
    const { ec2 } = world.fleet
    const VolumeId = await volumeAt('/dev/sdg')
    await world.fleet.call(() => ec2.send(new DetachVolumeCommand({ VolumeId })))
    await sleepMinute()
    const says = [machine, '/dev/sdg', 'Attach any volume there, or choose a later point.']
    await refused('revert-machine', { machine }, { error: 'DiskLayoutChanged', says })
    const attach = new AttachVolumeCommand({ VolumeId, InstanceId: machine, Device: '/dev/sdg' })
    await world.fleet.call(() => ec2.send(attach))
    await sleepMinute()
  })

  test('a disk of the point is excluded', async () => {
    const { fleet } = world
    const volume = await volumeAt('/dev/sdf')
    await fleet.tag([volume], { 'tandem:exclude': 'true' })
    const says = [machine, '/dev/sdf', volume, 'Remove the tag or choose a later point.']
    await refused('revert-machine', { machine }, { error: 'DiskLayoutChanged', says })
    await fleet.tag([volume], { 'tandem:exclude': 'false' })
  })

  test('it is protected against being stopped', async () => {
    const { ec2 } = world.fleet
    const protectStop = (Value: boolean) =>
      world.fleet.call(() =>
        ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: machine, DisableApiStop: { Value } })),
      )
    await protectStop(true)
    const says = [machine, `aws ec2 modify-instance-attribute --instance-id ${machine} --no-disable-api-stop`]
    await refused('revert-machine', { machine }, { error: 'StopProtected', says })
    await protectStop(false)
  })

  test('a disk was attached that the point does not have; excluded, it stays where it is', async () => {
    const { fleet } = world
    const AvailabilityZone = (await fleet.describe(machine)).Placement?.AvailabilityZone
    const order = new CreateVolumeCommand({ AvailabilityZone, Size: 1, VolumeType: 'gp3' })
    const { VolumeId = '' } = await fleet.call(() => fleet.ec2.send(order))
    await sleepMinute()
    const attach = new AttachVolumeCommand({ VolumeId, InstanceId: machine, Device: '/dev/sdh' })
    await fleet.call(() => fleet.ec2.send(attach))
    await sleepMinute()
    const says = [machine, '/dev/sdh', VolumeId, 'Detach it, exclude it with the tag tandem:exclude=true']
    await refused('revert-machine', { machine }, { error: 'DiskLayoutChanged', says })
    await fleet.tag([VolumeId], { 'tandem:exclude': 'true' })
    await expectSucceeds('revert-machine', { machine })
    expect(await volumeAt('/dev/sdh')).toBe(VolumeId)
  })

  test('it is only just starting: that is waited for', async () => {
    const { fleet } = world
    await fleet.call(() => fleet.ec2.send(new StopInstancesCommand({ InstanceIds: [machine] })))
    await sleepMinute()
    // Held until the run has been started: the machine is to be pending when it looks.
    let running: ReturnType<World['run']> | undefined
    await fleet.call(async () => {
      await fleet.ec2.send(new StartInstancesCommand({ InstanceIds: [machine] }))
      running = world.run('revert-machine', { machine })
    })
    const { result, steps } = (await running) ?? { steps: [] }
    expect(result, result?.cause).toMatchObject({ status: 'SUCCEEDED' })
    const retries = steps.filter(({ state, event }) => state === 'PlanRevert' && event === 'retried')
    expect([...new Set(retries.map(({ error }) => error))]).toEqual(['MachineInTransition'])
    expect((await fleet.describe(machine)).State?.Name).toBe('running')
  })
})

describe('an undo', () => {
  let machine: string
  beforeAll(async () => {
    machine = await launch()
    await protect(machine)
  })
  const disks = async (): Promise<Map<string, string>> => world.fleet.disksOf(await world.fleet.describe(machine))

  test('of a machine that was never reverted is refused', () =>
    refused('revert-machine', { machine, undo: true }, { error: 'NothingToUndo', says: [machine, 'never reverted'] }))

  test('is a revert like any other: undoing twice puts the reverted disks in again', async () => {
    const original = await disks()
    await expectSucceeds('revert-machine', { machine })
    const reverted = await disks()
    await expectSucceeds('revert-machine', { machine, undo: true })
    expect(await disks()).toEqual(original)
    await expectSucceeds('revert-machine', { machine, undo: true })
    expect(await disks()).toEqual(reverted)
  })

  test('of a revert one of whose replaced disks was deleted is refused', async () => {
    const { ec2 } = world.fleet
    const VolumeId = (await disks()).get('/dev/sdg') ?? ''
    await expectSucceeds('revert-machine', { machine })
    await world.fleet.call(() => ec2.send(new DeleteVolumeCommand({ VolumeId })))
    await sleepMinute()
    const says = [machine, '/dev/sdg', VolumeId, 'is gone', 'cannot be undone']
    await refused('revert-machine', { machine, undo: true }, { error: 'NothingToUndo', says })
  })
})
