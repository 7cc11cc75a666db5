import { afterAll, beforeAll, describe, expect } from 'vitest'
import { describeTaskFailures } from './task-failures.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

async function protectedMachine(): Promise<string> {
  const machine = await world.machine({ userData: '' })
  const { result } = await world.run('protect-machine', { machine })
  expect(result.status).toBe('SUCCEEDED')
  return machine
}

describe('revert-machine', () => {
  describeTaskFailures({
    workflow: 'revert-machine',
    world: () => world,
    async prepare() {
      const machine = await protectedMachine()
      return { machine, input: { machine } }
    },
    staysNew: true,
    /** Every disk is a new volume, the old ones are kept, and no other volume is there. */
    expectDone(before, after) {
      for (const [device, volume] of Object.entries(after.disks)) expect(volume).not.toBe(before.disks[device])
      expect(Object.keys(after.disks)).toEqual(Object.keys(before.disks))
      expect(after.volumes).toEqual([...before.volumes, ...Object.values(after.disks)].toSorted())
      expect(after.snapshots).toEqual(before.snapshots)
    },
    // Nothing is left to go wrong but bookkeeping, which is repeated until it is done.
    tolerated: ['FinishRevert'],
    reachedByFailureOf: { DiscardRevert: 'AwaitVolumes' },
  })
})
