import { afterAll, beforeAll, describe, expect } from 'vitest'
import { protectedMachine } from './machines.ts'
import { describeTaskFailures } from './task-failures.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

describe('revert-machine', () => {
  describeTaskFailures({
    workflow: 'revert-machine',
    world: () => world,
    async prepare() {
      const machine = await protectedMachine(world)
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
