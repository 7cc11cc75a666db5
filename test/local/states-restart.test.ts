import { deserialize, serialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import type { HistoryEvent } from '@aws-sdk/client-sfn'
import { manualClock } from '../../local/clock.ts'
import {
  functionError,
  invoke,
  invokeWithToken,
  machine,
  START_MS,
  statesAccount,
  type Behaviour,
} from './states-account.ts'

const END = { End: true }
const MINUTE_MS = 60_000

/**
 * Runs a machine of the given states for some minutes; with a restart the account is saved in between and another one goes
 * on with what was kept.
 */
async function minutes(
  states: Record<string, object>,
  functions: Record<string, Behaviour>,
  { total, restartAfter }: { total: number; restartAfter?: number },
) {
  let account = statesAccount(functions, { clock: manualClock(START_MS) })
  const executionArn = account.states.start(await account.create('machine', machine(states)), { n: 1 }, 'run')
  for (let minute = 0; minute < total; minute += 1) {
    if (minute === restartAfter) account = await restarted(account, functions)
    await account.clock.advance(MINUTE_MS)
  }
  const described = await account.api('DescribeExecution', { executionArn })
  return { described, history: await account.history(executionArn), account }
}

type Account = ReturnType<typeof statesAccount>

async function restarted(account: Account, functions: Record<string, Behaviour>): Promise<Account> {
  account.states.stop()
  const saved: unknown = deserialize(serialize(account.states.durable.save()))
  account.clock.stop()
  const next = statesAccount(functions, { clock: manualClock(account.clock.now()) })
  next.states.durable.restore(saved)
  next.states.durable.resume?.()
  return next
}

/** A restart may give other request ids, and nothing else. */
const comparable = (history: readonly HistoryEvent[]): string =>
  JSON.stringify(history)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'uuid')
    .replaceAll(/AQCEAAAAKg[^"\\]+/g, 'token')

const wait = (Seconds: number, more: object): object => ({ Type: 'Wait', Seconds, ...more })

/** Each waits, or is asked, for minutes. */
const MACHINES: Record<string, { states: Record<string, object>; functions?: () => Record<string, Behaviour> }> = {
  'a wait': {
    states: {
      Before: { Type: 'Pass', Assign: { kept: 5 }, Next: 'Wait' },
      Wait: wait(150, { Next: 'After' }),
      After: { Type: 'Pass', Output: '{% $kept %}', End: true },
    },
  },
  'the pause before a retry': {
    states: {
      Shaky: invoke('shaky', {}, { Retry: [{ ErrorEquals: ['No'], IntervalSeconds: 100, BackoffRate: 1 }], End: true }),
    },
    functions: () => {
      let calls = 0
      return { shaky: () => ((calls += 1) === 1 ? functionError('No') : 'fine') }
    },
  },
  'branches side by side': {
    states: {
      Both: {
        Type: 'Parallel',
        Branches: [
          machine({ Short: wait(30, { Next: 'Long' }), Long: wait(120, { Output: 'a', End: true }) }),
          machine({ Once: wait(90, { Output: 'b', End: true }) }),
          machine({ Quick: { Type: 'Pass', Output: 'c', End: true } }),
        ],
        End: true,
      },
    },
  },
  'items of an inline Map': {
    states: {
      Each: {
        Type: 'Map',
        Items: [10, 100, 40],
        MaxConcurrency: 2,
        ItemProcessor: machine({
          Item: wait(0, { Seconds: '{% $states.input %}', Next: 'Tell' }),
          Tell: { Type: 'Pass', Output: '{% $states.context.Map.Item.Index %}', End: true },
        }),
        End: true,
      },
    },
  },
  'children of a Distributed Map': {
    states: {
      Each: {
        Type: 'Map',
        Items: [10, 100, 40],
        MaxConcurrency: 2,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          ...machine({ Item: wait(0, { Seconds: '{% $states.input %}', End: true }) }),
        },
        End: true,
      },
    },
  },
  'a time limit': {
    states: { Token: invokeWithToken('forget', { TimeoutSeconds: 150, HeartbeatSeconds: 140, End: true }) },
    functions: () => ({ forget: () => 'gone' }),
  },
}

describe('an account that is restarted', () => {
  it.each(Object.entries(MACHINES))('goes on in the middle of %s, and the history is the same', async (_, given) => {
    const { states, functions = () => ({}) } = given
    const whole = await minutes(states, functions(), { total: 5 })
    const parted = await minutes(states, functions(), { total: 5, restartAfter: 1 })
    expect(whole.described['status']).not.toBe('RUNNING')
    expect(comparable(parted.history)).toEqual(comparable(whole.history))
    expect(parted.described).toMatchObject({ status: whole.described['status'] })
    expect(parted.described['output']).toBe(whole.described['output'])
  })

  it('takes the answer to a token that was given out before, and refuses one that was used up', async () => {
    let token = ''
    const functions = { ask: (payload: { token: string }) => void (token = payload.token) } as Record<string, Behaviour>
    const { described, account } = await minutes({ Ask: invokeWithToken('ask', END) }, functions, {
      total: 3,
      restartAfter: 1,
    })
    expect(described['status']).toBe('RUNNING')
    await account.api('SendTaskSuccess', { taskToken: token, output: '"late"' })
    await account.clock.advance(1000)
    const executionArn = described['executionArn']
    expect(await account.api('DescribeExecution', { executionArn })).toMatchObject({ output: '"late"' })
    const next = await restarted(account, functions)
    await expect(next.api('SendTaskSuccess', { taskToken: token, output: '1' })).rejects.toMatchObject({
      code: 'TaskTimedOut',
    })
  })

  it('waits for the nested execution that a task had started, and does not start another', async () => {
    const functions = {}
    let account = statesAccount(functions, { clock: manualClock(START_MS) })
    const child = await account.create('child', machine({ Wait: wait(90, { Output: 'done', End: true }) }))
    const Nested = {
      Type: 'Task',
      Resource: 'arn:aws:states:::states:startExecution.sync:2',
      Arguments: { StateMachineArn: child, Input: {} },
      Output: '{% $states.result.Output %}',
      End: true,
    }
    const executionArn = account.states.start(await account.create('parent', machine({ Nested })), {})
    await account.clock.advance(MINUTE_MS)
    account = await restarted(account, functions)
    await account.clock.advance(MINUTE_MS)
    expect(await account.api('DescribeExecution', { executionArn })).toMatchObject({ output: '"done"' })
    const { executions } = await account.api<{ executions: unknown[] }>('ListExecutions', { stateMachineArn: child })
    expect(executions).toHaveLength(1)
  })

  it('invokes a function again that was running when the process died, as Lambda would after a lost answer', async () => {
    let calls = 0
    const functions: Record<string, Behaviour> = {
      slow: () => {
        calls += 1
        return calls === 1 ? new Promise(() => {}) : 'second'
      },
    }
    const first = statesAccount(functions)
    const executionArn = first.states.start(
      await first.create('machine', machine({ Slow: invoke('slow', {}, END) })),
      {},
    )
    await new Promise((done) => setImmediate(done))
    const next = await restarted(first, functions)
    await next.clock.advance(1000)
    expect(await next.api('DescribeExecution', { executionArn })).toMatchObject({ output: '"second"' })
    expect(calls).toBe(2)
  })
})
