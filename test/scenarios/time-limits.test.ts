import { GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { STACK } from '../../demo/synthesize.ts'
import { expectClean } from './task-failures.ts'
import { tracesOf } from './traces.ts'
import { startWorld, type World } from './world.ts'

/** An answer comes later than a function or its Task may wait: the one is ended, the other not heard, and the run ends well. */
const SECOND_MS = 1000
const LATE_MS = 600 * SECOND_MS
const late = { kind: 'delay', delayMs: LATE_MS } as const

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => expect(world.account.faults.unused).toBe(0))
afterAll(() => world.close())

/** The names of the errors that tasks ended with. */
async function taskErrors(executionArn: string): Promise<string[]> {
  const { endpoint, region, credentials } = world.account
  const client = new SFNClient({ endpoint, region, credentials })
  const { events = [] } = await world.fleet.call(() => client.send(new GetExecutionHistoryCommand({ executionArn })))
  return events.flatMap(
    ({ taskFailedEventDetails: failed, taskTimedOutEventDetails: timedOut }) => (failed ?? timedOut)?.error ?? [],
  )
}

const call = (wanted: string) => (): unknown =>
  world.account.faults.onCall(({ operation }) => operation === wanted, late)
const answerOf = (name: string) => (): unknown =>
  world.account.faults.onInvocation(({ functionName }) => functionName === `${STACK}-${name}`, late)

test.each([
  ['a set that is asked for', call('CreateSnapshots'), 'Sandbox.Timedout', 60],
  ['a first look at the machine', call('DescribeInstances'), 'Sandbox.Timedout', 60],
  ['the answer of a function that has made a set', answerOf('create-snapshots'), 'States.Timeout', 90],
  ['the answer of a function that has completed the point', answerOf('complete-point'), 'States.Timeout', 90],
])('%s comes late: the next try makes the one point (AWS facts C.4, C.5)', async (_, plan, error, limitSeconds) => {
  const machine = await world.machine({ userData: '' })
  const before = await tracesOf(world, machine)
  plan()
  const startMs = world.account.clock.now()
  const { arn, result } = await world.run('protect-machine', { machine })
  expect(result.status, result.cause).toBe('SUCCEEDED')
  expect(await taskErrors(arn)).toContain(error)
  expect(world.account.clock.now() - startMs).toBeGreaterThanOrEqual(limitSeconds * SECOND_MS)
  // Whatever nobody hears any more has come by then.
  await world.account.clock.sleep(LATE_MS)
  const after = await tracesOf(world, machine)
  expectClean(after)
  expect(after.records.filter((record) => record === 'POINT complete')).toHaveLength(1)
  expect(after.snapshots).toHaveLength(before.snapshots.length + Object.keys(after.disks).length)
})
