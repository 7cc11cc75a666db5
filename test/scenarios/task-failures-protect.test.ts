import { afterAll, beforeAll, describe, expect } from 'vitest'
import { describeTaskFailures } from './task-failures.ts'
import type { Traces } from './traces.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

const complete = ({ records }: Traces): number => records.filter((record) => record === 'POINT complete').length

/** One more complete point with a snapshot of each disk, and nothing else. */
function expectOnePoint(before: Traces, after: Traces): void {
  expect(complete(after)).toBe(complete(before) + 1)
  expect(after.snapshots.length).toBe(before.snapshots.length + Object.keys(after.disks).length)
  expect(after.disks).toEqual(before.disks)
  expect(after.volumes).toEqual(before.volumes)
}

describe('protect-machine', () => {
  describeTaskFailures({
    workflow: 'protect-machine',
    world: () => world,
    async prepare() {
      // Not of the policy whose fleet is protected below.
      const machine = await world.machine({ userData: '', policy: 'nightly' })
      return { machine, input: { machine } }
    },
    staysNew: true,
    expectDone: expectOnePoint,
    // The mounts are a courtesy to the reader of FIG. 7.
    tolerated: ['ReadMounts'],
    // Of policies with copies only: task-failures-copy.
    comesBy: (state) => state !== 'PlanCopies',
    reachedByFailureOf: { DiscardPoint: 'CompletePoint' },
  })
})

describe('protect-fleet', () => {
  describeTaskFailures({
    workflow: 'protect-fleet',
    world: () => world,
    async prepare() {
      const machine = await world.machine({ userData: '' })
      return { machine, input: { policy: 'hourly' } }
    },
    staysNew: true,
    expectDone: expectOnePoint,
    tolerated: [],
    reachedByFailureOf: {},
  })
})
