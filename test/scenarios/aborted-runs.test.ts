import { SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workflow } from '../../core/ports.ts'
import { definitions, lambdaTasks } from '../tidy/asl.ts'
import { Reused } from './machines.ts'
import { expectClean } from './task-failures.ts'
import { tracesOf, type Traces } from './traces.ts'
import { startWorld, type World } from './world.ts'

/**
 * Somebody aborts the execution, or its time is up: no Catch runs. Whatever state it was in, the next run of the same machine
 * finishes or tidies up what it finds, and does its own work.
 */
let world: World
let sfn: SFNClient
beforeAll(async () => {
  world = await startWorld()
  const { endpoint, region, credentials } = world.account
  sfn = new SFNClient({ endpoint, region, credentials })
})
afterAll(() => world.close())

const statesOf = (workflow: Workflow): string[] =>
  definitions()
    .filter(({ name }) => name === workflow)
    .flatMap(({ definition }) => lambdaTasks(definition).map(([state]) => state))
    // Only a failure leads there, or a policy with copies.
    .filter((state) => !state.startsWith('Discard') && state !== 'PlanCopies')

/** Runs until the state is entered, and aborts there. */
async function abortIn(workflow: Workflow, state: string, input: unknown): Promise<void> {
  let armed = true
  world.account.states.observe((step) => {
    if (!armed || step.state !== state || step.event !== 'entered') return
    armed = false
    void world.fleet.call(() => sfn.send(new StopExecutionCommand({ executionArn: step.executionArn })))
  })
  const { result } = await world.run(workflow, input)
  expect(result.status).toBe('ABORTED')
}

const countOf = ({ records }: Traces, record: string): number => records.filter((each) => each === record).length

const machines = new Reused(() => world.machine({ userData: '' }))

describe.each(statesOf('protect-machine'))('protect-machine aborted in %s', (state) => {
  test('the next run leaves complete points and nothing else', async () => {
    const machine = await machines.take()
    const before = await tracesOf(world, machine)
    await abortIn('protect-machine', state, { machine })
    expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
    const after = await tracesOf(world, machine)
    expectClean(after)
    // The Lambda that was under way when its execution was aborted may still have completed its point.
    const complete = countOf(after, 'POINT complete')
    expect(complete).toBeGreaterThan(countOf(before, 'POINT complete'))
    expect(after.snapshots).toHaveLength(3 * complete)
    machines.keep(machine)
  })
})

describe.each(statesOf('revert-machine'))('revert-machine aborted in %s', (state) => {
  test('the next run leaves the machine on new disks, all of one set, and no other volume', async () => {
    const machine = await machines.take()
    await world.run('protect-machine', { machine })
    const before = await tracesOf(world, machine)
    await abortIn('revert-machine', state, { machine })
    expect((await world.run('revert-machine', { machine })).result).toMatchObject({ status: 'SUCCEEDED' })
    const after = await tracesOf(world, machine)
    expectClean(after)
    for (const [device, volume] of Object.entries(after.disks)) expect(volume).not.toBe(before.disks[device])
    // A revert that was in place when it was aborted has been recorded: its disks are kept for an undo like any other's.
    expect(after.volumes).toHaveLength(3 * (countOf(after, 'REVERT reverted') + 1))
    machines.keep(machine)
  })
})
