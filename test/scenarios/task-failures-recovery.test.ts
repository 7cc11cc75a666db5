import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import { copyingAssembly } from './copying-assembly.ts'
import { describeTaskFailures, type Subject } from './task-failures.ts'
import type { Traces } from './traces.ts'
import type { World } from './world.ts'

const folder = mkdtempSync(join(tmpdir(), 'tandem-recovery-'))
afterAll(() => rmSync(folder, { recursive: true }))

const complete = ({ records }: Traces): number => records.filter((record) => record === 'POINT complete').length

/** One machine for all tests of a world: what is recovered does it no harm. */
function recovering(path: 'direct' | 'proxy') {
  let machine: string | undefined
  return {
    workflow: 'recover-point',
    assembly: () => copyingAssembly(folder),
    async prepare(world: World) {
      machine ??= await copiedMachine(world)
      return { machine, input: { machine, path } }
    },
    /** A snapshot that is deleted while it waits for blocks goes when EBS gives it up. */
    settledMs: path === 'direct' ? 4 * 3_600_000 : 25 * 3_600_000,
    /** One more point, whose disk has a snapshot, and nothing else. */
    expectDone(before: Traces, after: Traces) {
      expect(complete(after)).toBe(complete(before) + 1)
      expect(after.snapshots).toHaveLength(before.snapshots.length + 1)
      expect({ ...after, records: [], snapshots: [] }).toEqual({ ...before, records: [], snapshots: [] })
    },
    tolerated: [],
  } satisfies Partial<Subject>
}

async function copiedMachine(world: World): Promise<string> {
  const machine = await world.machine({ userData: '', policy: 'nightly', dataDisks: [] })
  expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
  expect((await world.run('copy-point', { machine, vault: 'main' })).result.status).toBe('SUCCEEDED')
  return machine
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
    comesBy: (state) => ['RunRecoveryProxy', 'EndProxies', 'DiscardRecovery'].includes(state),
    reachedByFailureOf: { DiscardRecovery: 'EndProxies' },
  })
})
