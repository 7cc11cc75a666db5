import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import { describeTaskFailures, type Subject } from './task-failures.ts'
import type { Traces } from './traces.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({}, inject('copyingAssembly'))
})
afterAll(() => world.close())

const committed = ({ records }: Traces): number => records.filter((record) => record === 'COPY committed').length

/** A machine with a point that is not copied yet. */
async function protectedMachine(world: World, path: 'direct' | 'proxy') {
  const machine = await world.machine({ userData: '', policy: 'nightly', dataDisks: [] })
  expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
  return { machine, input: { machine, vault: 'main', path } }
}

const copying = {
  workflow: 'copy-point',
  world: () => world,
  /** The one copy, and nothing else. */
  expectDone(before, after) {
    expect(committed(after)).toBe(committed(before) + 1)
    expect({ ...after, records: [] }).toEqual({ ...before, records: [] })
  },
  tolerated: [],
} satisfies Partial<Subject>

describe('copy-point by the EBS direct APIs', () => {
  describeTaskFailures({
    ...copying,
    prepare: (world) => protectedMachine(world, 'direct'),
    comesBy: (state) => !['RunProxy', 'EndProxies'].includes(state),
    reachedByFailureOf: { DiscardCopy: 'CopyDisk' },
  })
})

describe('copy-point by a proxy', () => {
  describeTaskFailures({
    ...copying,
    prepare: (world) => protectedMachine(world, 'proxy'),
    comesBy: (state) => ['RunProxy', 'EndProxies', 'DiscardCopy'].includes(state),
    reachedByFailureOf: { DiscardCopy: 'EndProxies' },
  })
})

describe('protect-machine under a policy with copies', () => {
  describeTaskFailures({
    workflow: 'protect-machine',
    world: () => world,
    async prepare(world) {
      const machine = await world.machine({ userData: '', policy: 'hourly', dataDisks: [] })
      return { machine, input: { machine } }
    },
    comesBy: (state) => state === 'PlanCopies',
    /** Whatever becomes of its copies, the point is there. */
    expectDone(_before, after) {
      expect(after.records).toContain('POINT complete')
      expect(after.snapshots).toHaveLength(1)
    },
    tolerated: ['PlanCopies'],
    reachedByFailureOf: {},
  })
})
