import type {
  DescribeExecutionOutput,
  DescribeStateMachineOutput,
  GetExecutionHistoryOutput,
  ListExecutionsOutput,
  ListStateMachinesOutput,
} from '@aws-sdk/client-sfn'
import { describe, expect, test } from 'vitest'
import { invoke, machine, ROLE, statesAccount } from './states-account.ts'

const done = machine({ Done: { Type: 'Succeed' } })
const wait = (seconds: number, more: object = {}) =>
  machine({ Wait: { Type: 'Wait', Seconds: seconds, End: true } }, more)

const waitThen = (output: string) =>
  machine({ Wait: { Type: 'Wait', Seconds: 60, Next: 'Done' }, Done: { Type: 'Succeed', Output: { output } } })

describe('a definition', () => {
  const definitions: [string, object, string][] = [
    [
      'a state that nothing leads to',
      machine({ A: { Type: 'Succeed' }, B: { Type: 'Succeed' } }),
      'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
    ],
    [
      'a Next to nowhere',
      machine({ A: { Type: 'Pass', Next: 'C' } }),
      "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next",
    ],
    [
      'a StartAt to nowhere',
      { StartAt: 'X', States: { A: { Type: 'Succeed' } } },
      "Missing 'StartAt' target: X at /StartAt",
    ],
    ['an unknown type', machine({ A: { Type: 'Loop', End: true } }), "Invalid state type: 'Loop' at /States/A/Type"],
    [
      'neither Next nor End',
      machine({ A: { Type: 'Pass' } }),
      "Exactly one of 'Next' and 'End' is required at /States/A",
    ],
    [
      'a field of JSONPath',
      machine({ A: { Type: 'Pass', ResultPath: '$.a', End: true } }),
      "Field 'ResultPath' is not supported at /States/A/ResultPath",
    ],
    [
      'an expression that is none',
      machine({ A: { Type: 'Pass', Output: '{% 1 + %}', End: true } }),
      'The JSONata expression is not valid',
    ],
    [
      'a substitution that was not made',
      machine({ A: invoke('${Function}', {}, { End: true }) }),
      'was not made at /States/A/Arguments/FunctionName',
    ],
    [
      'States.ALL beside others',
      machine({ A: invoke('f', {}, { Retry: [{ ErrorEquals: ['States.ALL', 'B'] }], End: true }) }),
      'States.ALL must appear alone',
    ],
    [
      'a heartbeat beyond the timeout',
      machine({ A: invoke('f', {}, { TimeoutSeconds: 5, HeartbeatSeconds: 9, End: true }) }),
      "'HeartbeatSeconds' must be smaller",
    ],
    [
      'an inner variable with the name of an outer one',
      machine({
        A: {
          Type: 'Map',
          Assign: { x: 1 },
          ItemProcessor: machine({ B: { Type: 'Pass', Assign: { x: 1 }, End: true } }),
          End: true,
        },
      }),
      "The variable 'x' is assigned in an outer scope",
    ],
  ]
  test.each(definitions)('with %s is invalid', async (_, definition, message) => {
    const refused = statesAccount().create('bad', definition)
    await expect(refused).rejects.toMatchObject({ code: 'InvalidDefinition' })
    await expect(refused).rejects.toThrow(message)
  })

  test('that is no JSON is invalid', async () => {
    const request = { name: 'bad', roleArn: ROLE, definition: '{' }
    await expect(statesAccount().api('CreateStateMachine', request)).rejects.toThrow('INVALID_JSON_DESCRIPTION')
  })

  test.each<[string, object]>([
    [
      'a service that is not implemented',
      machine({ A: { Type: 'Task', Resource: 'arn:aws:states:::aws-sdk:athena:listWorkGroups', End: true } }),
    ],
    ['JSONPath', { ...done, QueryLanguage: 'JSONPath' }],
    [
      'a plain invocation argument that would change the outcome',
      machine({ A: { ...invoke('f'), Arguments: { FunctionName: 'f', Qualifier: '1' }, End: true } }),
    ],
    ['item batches', machine({ A: { Type: 'Map', ItemBatcher: {}, ItemProcessor: done, End: true } })],
  ])('with %s is refused, not misread', async (_, definition) => {
    await expect(statesAccount().create('bad', definition)).rejects.toMatchObject({
      code: 'NotImplemented',
      status: 501,
    })
  })
})

describe('state machines', () => {
  test('the same request gives the same machine; another definition under the same name is refused', async () => {
    const { create } = statesAccount()
    expect(await create('one', done)).toBe(await create('one', done))
    await expect(create('one', wait(1))).rejects.toMatchObject({ code: 'StateMachineAlreadyExists' })
  })

  test.each<[object, string]>([
    [{ name: 'a b' }, 'InvalidName'],
    [{ name: 'a'.repeat(81) }, 'InvalidName'],
    [{ roleArn: 'role' }, 'InvalidArn'],
    [{ loggingConfiguration: { level: 'ALL' } }, 'InvalidLoggingConfiguration'],
    [{ type: 'EXPRESS' }, 'NotImplemented'],
    [{ versionDescription: 'first' }, 'ValidationException'],
  ])('%j is refused as %s', async (more, code) => {
    await expect(statesAccount().create('one', done, more)).rejects.toMatchObject({ code })
  })

  test('are described, listed in pages, updated and deleted', async () => {
    const { api, create } = statesAccount()
    const arns = [await create('a', done), await create('b', done), await create('c', done)]
    const first = await api<ListStateMachinesOutput>('ListStateMachines', { maxResults: 2 })
    const second = await api<ListStateMachinesOutput>('ListStateMachines', {
      maxResults: 2,
      nextToken: first.nextToken,
    })
    const listed = [...(first.stateMachines ?? []), ...(second.stateMachines ?? [])]
    expect(listed.map(({ stateMachineArn }) => stateMachineArn)).toEqual(arns)
    expect(second.nextToken).toBeUndefined()

    const [stateMachineArn] = arns
    await expect(api('UpdateStateMachine', { stateMachineArn })).rejects.toMatchObject({
      code: 'MissingRequiredParameter',
    })
    const role = 'arn:aws:iam::111122223333:role/other'
    await api('UpdateStateMachine', { stateMachineArn, roleArn: role })
    const described = await api<DescribeStateMachineOutput>('DescribeStateMachine', { stateMachineArn })
    expect(described).toMatchObject({ name: 'a', status: 'ACTIVE', type: 'STANDARD', roleArn: role })
    await api('DeleteStateMachine', { stateMachineArn })
    await expect(api('DescribeStateMachine', { stateMachineArn })).rejects.toMatchObject({
      code: 'StateMachineDoesNotExist',
    })
  })

  test('an execution keeps the definition that it started with', async () => {
    const { api, create, states } = statesAccount()
    const stateMachineArn = await create('one', waitThen('old'))
    const arn = states.start(stateMachineArn, {})
    const definition = JSON.stringify({ QueryLanguage: 'JSONata', ...waitThen('new') })
    await api('UpdateStateMachine', { stateMachineArn, definition })
    expect((await states.waitFor(arn)).output).toEqual({ output: 'old' })
    expect((await states.waitFor(states.start(stateMachineArn, {}))).output).toEqual({ output: 'new' })
  })

  test('deleting one ends its executions at their next transition', async () => {
    const { api, create, states, elapsedMs } = statesAccount()
    const two = machine({
      Wait: { Type: 'Wait', Seconds: 60, Next: 'Again' },
      Again: { Type: 'Wait', Seconds: 60, End: true },
    })
    const stateMachineArn = await create('one', two)
    const arn = states.start(stateMachineArn, {})
    await api('DeleteStateMachine', { stateMachineArn })
    expect(() => states.start(stateMachineArn, {})).toThrow('State Machine Deleting')
    expect(await states.waitFor(arn)).toEqual({ status: 'ABORTED' })
    expect(elapsedMs()).toBeLessThanOrEqual(60_000)
  })
})

describe('executions', () => {
  test('the same name and input give the same execution while it runs, and are refused after', async () => {
    const { api, create, states } = statesAccount()
    const stateMachineArn = await create('one', wait(60))
    const start = (input: string) =>
      api<{ executionArn: string }>('StartExecution', { stateMachineArn, name: 'n', input })
    const { executionArn } = await start('{"a":1}')
    expect((await start('{"a":1}')).executionArn).toBe(executionArn)
    await expect(start('{"a":2}')).rejects.toMatchObject({ code: 'ExecutionAlreadyExists' })
    await states.waitFor(executionArn)
    await expect(start('{"a":1}')).rejects.toMatchObject({
      code: 'ExecutionAlreadyExists',
      message: `Execution Already Exists: '${executionArn}'`,
    })
  })

  test.each<[object, string]>([
    [{ name: 'a:b' }, 'InvalidName'],
    [{ input: '{' }, 'InvalidExecutionInput'],
    [{ input: JSON.stringify('x'.repeat(262_144)) }, 'ValidationException'],
    [{ stateMachineArn: 'machine' }, 'InvalidArn'],
    [{ stateMachineArn: 'arn:aws:states:eu-west-1:111122223333:execution:a:b' }, 'InvalidArn'],
    [{ stateMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:none' }, 'StateMachineDoesNotExist'],
  ])('%j is refused as %s', async (more, code) => {
    const { api, create } = statesAccount()
    const stateMachineArn = await create('one', done)
    await expect(api('StartExecution', { stateMachineArn, ...more })).rejects.toMatchObject({ code })
  })

  test('are listed, the latest first, by status and in pages', async () => {
    const { api, create, states } = statesAccount()
    const stateMachineArn = await create('one', wait(60))
    const arns = ['a', 'b', 'c'].map((name) => states.start(stateMachineArn, {}, name))
    await api('StopExecution', { executionArn: arns[1], error: 'Enough', cause: 'told so' })
    await Promise.all(arns.map((arn) => states.waitFor(arn)))
    const list = (more: object) => api<ListExecutionsOutput>('ListExecutions', { stateMachineArn, ...more })
    const first = await list({ maxResults: 2 })
    expect(first.executions?.map(({ name }) => name)).toEqual(['c', 'b'])
    const second = await list({ maxResults: 2, nextToken: first.nextToken })
    expect(second.executions?.map(({ name }) => name)).toEqual(['a'])
    expect((await list({ statusFilter: 'ABORTED' })).executions?.map(({ name }) => name)).toEqual(['b'])
    await expect(list({ nextToken: 'x' })).rejects.toMatchObject({ code: 'InvalidToken' })
    expect(await api<DescribeExecutionOutput>('DescribeExecution', { executionArn: arns[1] })).toMatchObject({
      status: 'ABORTED',
      error: 'Enough',
      cause: 'told so',
      input: '{}',
      redriveStatus: 'REDRIVABLE',
    })
  })

  test('a machine that takes longer than its TimeoutSeconds ends as TIMED_OUT, which nothing catches', async () => {
    const { run, elapsedMs, history } = statesAccount()
    const result = await run(wait(3600, { TimeoutSeconds: 60 }))
    expect(result).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' })
    expect(elapsedMs()).toBe(60_000)
    expect((await history(result.arn)).at(-1)?.type).toBe('ExecutionTimedOut')
  })

  test('a time limit that was not needed leaves no timer behind', async () => {
    const { run, elapsedMs, clock } = statesAccount({ quick: () => 1 })
    await run(machine({ A: invoke('quick', {}, { TimeoutSeconds: 900, End: true }) }, { TimeoutSeconds: 86_400 }))
    await clock.advance(0)
    expect(elapsedMs()).toBe(0)
  })

  test('the history comes in pages and in reverse', async () => {
    const { api, run } = statesAccount()
    const { arn: executionArn } = await run(done)
    const page = (more: object) => api<GetExecutionHistoryOutput>('GetExecutionHistory', { executionArn, ...more })
    const first = await page({ maxResults: 3 })
    const second = await page({ maxResults: 3, nextToken: first.nextToken })
    expect([...(first.events ?? []), ...(second.events ?? [])].map(({ id }) => id)).toEqual([1, 2, 3, 4])
    expect((await page({ reverseOrder: true })).events?.map(({ id }) => id)).toEqual([4, 3, 2, 1])
    await expect(page({ reverseOrder: true, nextToken: first.nextToken })).rejects.toMatchObject({
      code: 'InvalidToken',
    })
  })

  test('an execution that goes round for ever fails at 25,000 events', async () => {
    const { run, history, api } = statesAccount()
    const result = await run(machine({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
    expect(await history(result.arn)).toHaveLength(1000)
    const [last] =
      (await api<GetExecutionHistoryOutput>('GetExecutionHistory', { executionArn: result.arn, reverseOrder: true }))
        .events ?? []
    expect(last).toMatchObject({ id: 25_000, type: 'ExecutionFailed' })
  })

  test('each start and end is an event', async () => {
    const { run, events } = statesAccount()
    const { arn } = await run(wait(60), { n: 1 })
    expect(events.map(({ resources, source }) => [source, resources])).toEqual([
      ['aws.states', [arn]],
      ['aws.states', [arn]],
    ])
    expect(events.map(({ detail }) => [detail['status'], detail['input'], detail['output']])).toEqual([
      ['RUNNING', '{"n":1}', null],
      ['SUCCEEDED', '{"n":1}', '{"n":1}'],
    ])
  })

  test('an account that is closed leaves what runs as it is, without a word', async () => {
    const { create, states, events, api, clock } = statesAccount()
    const executionArn = states.start(await create('one', wait(60)), {})
    states.stop()
    await clock.sleep(120_000)
    expect(await api('DescribeExecution', { executionArn })).toMatchObject({ status: 'RUNNING' })
    expect(events).toHaveLength(1)
  })
})
