import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import { describeTaskFailures, type Subject } from './task-failures.ts'
import type { Traces } from './traces.ts'
import { startWorld, type World } from './world.ts'

let world: World
/** One for all tests: what is recovered does it no harm. */
let machine: string
beforeAll(async () => {
  world = await startWorld({}, inject('copyingAssembly'))
  machine = await copiedMachine()
})
afterAll(() => world.close())

const complete = ({ records }: Traces): number => records.filter((record) => record === 'POINT complete').length

function recovering(path: 'direct' | 'proxy') {
  return {
    workflow: 'recover-point',
    world: () => world,
    prepare: async () => ({ machine, input: { machine, path } }),
    // A snapshot that is deleted while it waits for blocks goes when EBS gives it up: test/scenarios/recovery.
    leavesPending: true,
    /** One more point, whose disk has a snapshot, and nothing else. */
    expectDone(before: Traces, after: Traces) {
      expect(complete(after)).toBe(complete(before) + 1)
      expect(after.snapshots).toHaveLength(before.snapshots.length + 1)
      const others = { records: [], snapshots: [], pendingSnapshots: [] }
      expect({ ...after, ...others }).toEqual({ ...before, ...others })
    },
    tolerated: [],
  } satisfies Partial<Subject>
}

async function copiedMachine(): Promise<string> {
  const copied = await world.machine({ userData: '', policy: 'nightly', dataDisks: [] })
  expect((await world.run('protect-machine', { machine: copied })).result.status).toBe('SUCCEEDED')
  expect((await world.run('copy-point', { machine: copied, vault: 'main' })).result.status).toBe('SUCCEEDED')
  return copied
}

describe('recover-point by the EBS direct APIs', () => {
  describeTaskFailures({
    ...recovering('direct'),
    comesBy: (state) => !['RunRecoveryProxy', 'EndProxies'].includes(state),
    reachedByFailureOf: { DiscardRecovery: 'WriteSnapshot' },
  })
})

describe('recover-point by a proxy', () => {
  describeTaskFailures({
    ...recovering('proxy'),
    comesBy: (state) => ['RunRecoveryProxy', 'EndProxies'].includes(state),
    reachedByFailureOf: {},
  })
})
