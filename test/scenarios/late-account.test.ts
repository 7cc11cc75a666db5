import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { tracesOf } from './traces.ts'
import { startWorld, type Run, type World } from './world.ts'

/**
 * EC2 is eventually consistent (AWS facts A.19): what was just made is not found for some seconds, by its id or by its tags;
 * pages come empty and lists in any order. Runs take longer, and do the same.
 */
let world: World
beforeAll(async () => {
  world = await startWorld({}, inject('copyingAssembly'))
})
afterAll(() => world.close())

async function expectSucceeds(workflow: Workflow, input: object): Promise<Run> {
  const run = await world.run(workflow, input)
  expect(run.result, run.result.cause).toMatchObject({ status: 'SUCCEEDED' })
  return run
}

describe.each(['tuesday', 'friday'])('with the lateness of a %s', (seed) => {
  let machine: string
  beforeEach(async () => {
    world.account.ec2.beLate({ idsMs: 0, tagsMs: 0, ragged: false, seed })
    machine = await world.machine({ userData: '', policy: 'nightly', dataDisks: [{ device: '/dev/sdf' }] })
    world.account.ec2.beLate({ idsMs: 20_000, tagsMs: 40_000, ragged: true, seed })
  })

  test('a machine is protected, reverted, and its revert undone', async () => {
    await expectSucceeds('protect-machine', { machine })
    const before = await tracesOf(world, machine)
    expect(before.snapshots).toHaveLength(2)
    await expectSucceeds('revert-machine', { machine })
    const reverted = await tracesOf(world, machine)
    expect(reverted).toMatchObject({ power: 'running', unfinished: [] })
    for (const [device, volume] of Object.entries(reverted.disks)) expect(volume).not.toBe(before.disks[device])
    await expectSucceeds('revert-machine', { machine, undo: true })
    expect((await tracesOf(world, machine)).disks).toEqual(before.disks)
  })

  test('a point is copied by a proxy, of which nothing is left', async () => {
    await expectSucceeds('protect-machine', { machine })
    const before = await tracesOf(world, machine)
    await expectSucceeds('copy-point', { machine, vault: 'main', path: 'proxy' })
    const after = await tracesOf(world, machine)
    expect(after.records).toContain('COPY committed')
    expect({ ...after, records: [] }).toEqual({ ...before, records: [] })
  })
})
