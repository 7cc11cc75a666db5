import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { protectedMachine, Reused } from './machines.ts'
import { expectClean } from './task-failures.ts'
import { tracesOf } from './traces.ts'
import { startWorld, type World } from './world.ts'

/**
 * EC2 does what it was asked, and the connection breaks before it can say so. Whoever asked must find out what happened: the
 * result is that of a call that was answered (invariant 3).
 */
let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

/** Loses the answer to the next calls of an operation, SDK retries of it included; returns how many were lost so far. */
function lose(operation: string, times: number): () => number {
  const { faults } = world.account
  let lostCount = 0
  const matches = (call: { service: string; operation: string }): boolean => {
    const isHit = call.service === 'ec2' && call.operation === operation
    if (isHit) lostCount += 1
    return isHit
  }
  faults.clear()
  faults.onCall(matches, { kind: 'loseAnswer' }, times)
  return () => lostCount
}

test('CreateSnapshots: one set, one point', async () => {
  const machine = await world.machine({ userData: '' })
  const lostCount = lose('CreateSnapshots', 1)
  expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
  expect(lostCount()).toBe(1)
  const after = await tracesOf(world, machine)
  expectClean(after)
  expect(after.snapshots).toHaveLength(3)
  expect(after.records).toContain('POINT complete')
})

const CHANGES = [
  'CreateVolume',
  'StopInstances',
  'DetachVolume',
  'AttachVolume',
  'ModifyInstanceAttribute',
  'StartInstances',
  'DeleteTags',
  'CreateTags',
]

/** As often as the SDK tries by itself, and once more: the task fails and is retried. */
const LOST_COUNT = 4

const machines = new Reused(() => protectedMachine(world))

describe.each(CHANGES)('%s', (operation) => {
  test('the machine is reverted once, and nothing is left', async () => {
    const machine = await machines.take()
    const before = await tracesOf(world, machine)
    const lostCount = lose(operation, LOST_COUNT)
    const { result } = await world.run('revert-machine', { machine })
    expect(result.status, result.cause).toBe('SUCCEEDED')
    expect(lostCount()).toBeGreaterThan(1)
    const after = await tracesOf(world, machine)
    expectClean(after)
    for (const [device, volume] of Object.entries(after.disks)) expect(volume).not.toBe(before.disks[device])
    expect(after.volumes).toHaveLength(before.volumes.length + 3)
    expect(after.snapshots).toEqual(before.snapshots)
    machines.keep(machine)
  })
})
