import { DeleteSnapshotCommand } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { protectedMachine } from './machines.ts'
import { expectClean } from './task-failures.ts'
import { tracesOf, type Traces } from './traces.ts'
import { implausibleHistories } from './histories.ts'
import { startWorld, type World } from './world.ts'

/** What AWS can do to a revert half way, and what becomes of the machine: as it was, or waiting for a person with nothing lost. */
let world: World
let machine: string
let before: Traces
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

async function prepare(): Promise<void> {
  machine = await protectedMachine(world)
  before = await tracesOf(world, machine)
}

async function expectAsBefore(): Promise<void> {
  const after = await tracesOf(world, machine)
  expectClean(after)
  expect(after.disks).toEqual(before.disks)
  expect(after.volumes).toEqual(before.volumes)
}

async function expectReverted(): Promise<void> {
  const { result } = await world.run('revert-machine', { machine })
  expect(result.status, result.cause).toBe('SUCCEEDED')
  const after = await tracesOf(world, machine)
  expectClean(after)
  for (const [device, volume] of Object.entries(after.disks)) expect(volume).not.toBe(before.disks[device])
  expect(after.volumes).toHaveLength(6)
}

describe('the machine is as it was', () => {
  test('when EBS cannot make a volume: it never even stops', async () => {
    await prepare()
    world.account.ec2.failVolumeCreation(before.snapshots[1] ?? '')
    const { result, steps } = await world.run('revert-machine', { machine })
    expect(result).toMatchObject({ status: 'FAILED', error: 'VolumeFailed' })
    expect(steps.map(({ state }) => state)).not.toContain('StopMachine')
    await expectAsBefore()
    await expectReverted()
  })

  test('when it does not start on the disks of the point', async () => {
    await prepare()
    world.account.ec2.refuseStart(machine, 'falls-back')
    const { result } = await world.run('revert-machine', { machine })
    expect(result).toMatchObject({ status: 'FAILED', error: 'MachineDidNotStart' })
    await expectAsBefore()
    await expectReverted()
  })

  test('when it starts, but fails its status checks', async () => {
    await prepare()
    world.account.ec2.impair(machine, true)
    const { result } = await world.run('revert-machine', { machine })
    expect(result).toMatchObject({ status: 'FAILED', error: 'MachineUnhealthy' })
    world.account.ec2.impair(machine, false)
    await expectAsBefore()
    await expectReverted()
  })
})

test('a snapshot that somebody deletes while EBS copies gives up the point, and leaves none of it', async () => {
  machine = await world.machine({ userData: '' })
  let isDeleted = false
  world.account.ec2.observeCapture(({ snapshots: [first] }) => {
    if (isDeleted || !first) return
    isDeleted = true
    const { fleet } = world
    void fleet.call(() => fleet.ec2.send(new DeleteSnapshotCommand({ SnapshotId: first.snapshotId })))
  })
  const { result } = await world.run('protect-machine', { machine })
  expect(result).toMatchObject({ status: 'FAILED', error: 'SnapshotMissing' })
  const after = await tracesOf(world, machine)
  expectClean(after)
  expect(after.snapshots).toEqual([])
  expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
})

test('a start that finds no capacity is tried again', async () => {
  await prepare()
  world.account.ec2.refuseStart(machine, { code: 'InsufficientInstanceCapacity' })
  await expectReverted()
})

test('a disk that will not come off leaves the run stuck with nothing lost, and the same request finishes it later', async () => {
  await prepare()
  const stuckVolume = before.disks['/dev/sdg'] ?? ''
  world.account.ec2.stickDetach(stuckVolume)
  const { result } = await world.run('revert-machine', { machine })
  expect(result).toMatchObject({ status: 'FAILED', error: 'RevertStuck' })
  const stuck = await tracesOf(world, machine)
  // The old disks and the new ones are all still there.
  expect(stuck.volumes).toEqual(expect.arrayContaining([...before.volumes]))
  expect(stuck.volumes).toHaveLength(6)
  const refused = await world.run('protect-machine', { machine })
  expect(refused.result.status).toBe('FAILED')
  world.account.ec2.releaseDetach(stuckVolume)
  await expectReverted()
})

test('all of these executions have histories as Step Functions writes them (AWS facts C.1, C.5)', async () => {
  const { executionCount, problems } = await implausibleHistories(world)
  expect(executionCount).toBeGreaterThan(5)
  expect(problems).toEqual([])
})
