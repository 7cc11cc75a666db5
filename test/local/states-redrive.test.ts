import { describe, expect, it } from 'vitest'
import type { DescribeExecutionOutput, DescribeMapRunOutput, ListMapRunsOutput } from '@aws-sdk/client-sfn'
import { functionError, invoke, machine, statesAccount, type Behaviour } from './states-account.ts'

const END = { End: true }
const DAY_MS = 24 * 60 * 60_000

/** Fails the first `times` calls. */
const failsAtFirst =
  (times = 1): Behaviour =>
  (payload, call) =>
    call <= times ? functionError('NotYet') : payload

const typesOf = (events: readonly { type?: string | undefined }[]): unknown[] => events.map(({ type }) => type)

describe('RedriveExecution', () => {
  it('goes on from the failed state with its input, and does not repeat what succeeded (AWS facts C.6)', async () => {
    const { api, run, history, calls } = statesAccount({ first: () => ({ n: 1 }), second: failsAtFirst() })
    const states = {
      First: invoke('first', {}, { Next: 'Second' }),
      Second: invoke('second', '{% $states.input %}', { End: true }),
    }
    const { arn: executionArn, status } = await run(machine(states))
    expect(status).toBe('FAILED')
    const before = (await history(executionArn)).length
    const { redriveDate } = await api('RedriveExecution', { executionArn })
    expect(redriveDate).toBeInstanceOf(Date)
    const done = await waitFor(api, executionArn)
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: '{"n":1}', redriveCount: 1, redriveDate })
    expect(done.error).toBeUndefined()
    expect(calls.map(({ name }) => name)).toEqual(['first', 'second', 'second'])
    const events = (await history(executionArn)).slice(before)
    expect(typesOf(events)).toEqual([
      'ExecutionRedriven',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ])
    expect(events[0]?.executionRedrivenEventDetails).toEqual({ redriveCount: 1 })
  })

  it('gives retriers their attempts again (AWS facts C.6)', async () => {
    const { api, run, calls } = statesAccount({ shaky: failsAtFirst(5) })
    const Retry = [{ ErrorEquals: ['NotYet'], MaxAttempts: 2 }]
    const { arn: executionArn } = await run(machine({ Shaky: invoke('shaky', {}, { Retry, End: true }) }))
    expect(calls).toHaveLength(3)
    await api('RedriveExecution', { executionArn })
    expect(await waitFor(api, executionArn)).toMatchObject({ status: 'SUCCEEDED' })
    expect(calls).toHaveLength(6)
  })

  it('redrives only the branches of a Parallel that did not succeed, with their variables (AWS facts C.6)', async () => {
    const { api, run, calls } = statesAccount({ good: () => 'good', bad: failsAtFirst() })
    const Keep = { Type: 'Pass', Assign: { kept: 7 }, Next: 'Bad' }
    const Bad = invoke('bad', '{% $kept %}', END)
    const Branches = [machine({ Good: invoke('good', {}, END) }), { StartAt: 'Keep', States: { Keep, Bad } }]
    const { arn: executionArn } = await run(machine({ Both: { Type: 'Parallel', Branches, End: true } }))
    await api('RedriveExecution', { executionArn })
    expect(await waitFor(api, executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '["good",7]' })
    expect(calls.filter(({ name }) => name === 'good')).toHaveLength(1)
  })

  it('redrives the children of a failed Map Run in the same Map Run, and starts those that never ran (AWS facts C.3)', async () => {
    const { api, run, history, calls } = statesAccount({ item: (n, call) => (call === 2 ? functionError('No') : n) })
    const Each = {
      Type: 'Map',
      Items: [1, 2, 3],
      MaxConcurrency: 1,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        ...machine({ Item: invoke('item', '{% $states.input %}', END) }),
      },
      End: true,
    }
    const { arn: executionArn, error } = await run(machine({ Each }))
    expect(error).toBe('States.ExceedToleratedFailureThreshold')
    await api('RedriveExecution', { executionArn })
    expect(await waitFor(api, executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '[1,2,3]' })
    expect(calls.map(({ payload }) => payload)).toEqual([1, 2, 2, 3])
    const { mapRuns = [] } = await api<ListMapRunsOutput>('ListMapRuns', { executionArn })
    expect(mapRuns).toHaveLength(1)
    expect(await api<DescribeMapRunOutput>('DescribeMapRun', { mapRunArn: mapRuns[0]?.mapRunArn })).toMatchObject({
      status: 'SUCCEEDED',
      redriveCount: 1,
      itemCounts: { total: 3, succeeded: 3, failed: 0, pending: 0, pendingRedrive: 0 },
    })
    const redriven = (await history(executionArn)).find(({ type }) => type === 'MapRunRedriven')
    expect(redriven?.mapRunRedrivenEventDetails).toMatchObject({ redriveCount: 1 })
  })

  it('is one redrive when its client token comes twice', async () => {
    const { api, run } = statesAccount({ bad: failsAtFirst() })
    const { arn: executionArn } = await run(machine({ Bad: invoke('bad', {}, END) }))
    const first = await api('RedriveExecution', { executionArn, clientToken: 'once' })
    expect(await api('RedriveExecution', { executionArn, clientToken: 'once' })).toEqual(first)
    expect((await waitFor(api, executionArn)).redriveCount).toBe(1)
  })

  it('refuses what succeeded, what runs, and what ended more than 14 days ago (AWS facts C.6)', async () => {
    const { api, run, states, create, clock } = statesAccount({ bad: failsAtFirst(9) })
    const { arn: succeeded } = await run(machine({ Done: { Type: 'Succeed' } }))
    await expect(api('RedriveExecution', { executionArn: succeeded })).rejects.toMatchObject({
      code: 'ExecutionNotRedrivable',
    })
    const waiting = machine({ Wait: { Type: 'Wait', Seconds: 60, End: true } })
    const runs = states.start(await create('waiting', waiting), {})
    await expect(api('RedriveExecution', { executionArn: runs })).rejects.toMatchObject({
      code: 'ExecutionNotRedrivable',
    })
    const old = states.start(await create('failing', machine({ Bad: invoke('bad', {}, END) })), {})
    await states.waitFor(old)
    await clock.sleep(14 * DAY_MS + 1000)
    await expect(api('RedriveExecution', { executionArn: old })).rejects.toMatchObject({
      code: 'ExecutionNotRedrivable',
    })
    expect(await api('DescribeExecution', { executionArn: old })).toMatchObject({ redriveStatus: 'NOT_REDRIVABLE' })
  })
})

describe('closed executions', () => {
  it('are forgotten after 90 days, and their names are free again (AWS facts C.1, C.6)', async () => {
    const { api, create, states, clock } = statesAccount()
    const stateMachineArn = await create('one', machine({ Done: { Type: 'Succeed' } }))
    const executionArn = states.start(stateMachineArn, {}, 'name')
    await states.waitFor(executionArn)
    await clock.sleep(90 * DAY_MS - 1000)
    await expect(api('StartExecution', { stateMachineArn, name: 'name' })).rejects.toMatchObject({
      code: 'ExecutionAlreadyExists',
    })
    await clock.sleep(2000)
    await expect(api('DescribeExecution', { executionArn })).rejects.toMatchObject({ code: 'ExecutionDoesNotExist' })
    expect(states.start(stateMachineArn, {}, 'name')).toBe(executionArn)
  })
})

describe('UpdateMapRun', () => {
  it('is refused for a Map Run that has ended, and without anything to change', async () => {
    const { api, run } = statesAccount()
    const processor = {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      ...machine({ Done: { Type: 'Succeed' } }),
    }
    const { arn } = await run(machine({ Each: { Type: 'Map', Items: [1], ItemProcessor: processor, End: true } }))
    const { mapRuns = [] } = await api<ListMapRunsOutput>('ListMapRuns', { executionArn: arn })
    const mapRunArn = mapRuns[0]?.mapRunArn
    await expect(api('UpdateMapRun', { mapRunArn })).rejects.toMatchObject({ code: 'ValidationException' })
    await expect(api('UpdateMapRun', { mapRunArn, maxConcurrency: 5 })).rejects.toMatchObject({
      code: 'ValidationException',
    })
  })
})

/** Until it has ended, by DescribeExecution. */
async function waitFor(
  api: ReturnType<typeof statesAccount>['api'],
  executionArn: string,
): Promise<DescribeExecutionOutput> {
  for (;;) {
    const described = await api<DescribeExecutionOutput>('DescribeExecution', { executionArn })
    if (described.status !== 'RUNNING') return described
    await new Promise((done) => setImmediate(done))
  }
}
