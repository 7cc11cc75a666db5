import { describe, expect, test } from 'vitest'
import { AwsError } from '../../local/wire/service.ts'
import { functionError, invoke, invokeWithToken, machine, ROLE, statesAccount } from './states-account.ts'

const END = { End: true }

const nested = (more: object = {}) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::states:startExecution.sync:2',
  Arguments: {
    StateMachineArn: 'arn:aws:states:eu-west-1:111122223333:stateMachine:child',
    Name: '{% $states.input.name %}',
    Input: '{% $states.input %}',
  },
  ...more,
})

const times = (count: number, error: string) => (_: never, call: number) =>
  call <= count ? functionError(error) : 'done'

const tokenOf = (payload: { token: string }): string => payload.token

const jitteredTries = async () => {
  const { run, calls } = statesAccount({ flaky: times(3, 'Busy') })
  const Retry = [{ ErrorEquals: ['Busy'], IntervalSeconds: 100, BackoffRate: 1, JitterStrategy: 'FULL' }]
  await run(machine({ Task: invoke('flaky', {}, { Retry, ...END }) }))
  return calls.map((call) => call.atMs)
}

describe('lambda:invoke', () => {
  test('calls the function with the payload and the role of the machine, and gives its answer', async () => {
    const { run, calls, history } = statesAccount({ double: ({ n }: { n: number }) => ({ twice: n * 2 }) })
    const result = await run(machine({ Double: invoke('double', { n: 4 }, END) }))
    expect(result.output).toEqual({ twice: 8 })
    expect(calls).toEqual([{ name: 'double', payload: { n: 4 }, roleArn: ROLE, atMs: 0 }])
    const events = await history(result.arn)
    expect(events.map(({ type, previousEventId }) => [type, previousEventId])).toEqual([
      ['ExecutionStarted', 0],
      ['TaskStateEntered', 0],
      ['TaskScheduled', 2],
      ['TaskStarted', 3],
      ['TaskSucceeded', 4],
      ['TaskStateExited', 5],
      ['ExecutionSucceeded', 6],
    ])
    expect(events[2]?.taskScheduledEventDetails).toMatchObject({ resourceType: 'lambda', resource: 'invoke' })
    expect(JSON.parse(events[4]?.taskSucceededEventDetails?.output ?? '')).toMatchObject({
      ExecutedVersion: '$LATEST',
      Payload: { twice: 8 },
      StatusCode: 200,
    })
  })

  test('a function error has the name that was thrown, and the rest as JSON in its cause (AWS facts C.5)', async () => {
    const { run } = statesAccount({ bad: () => functionError('LostRace', 'too late') })
    const result = await run(machine({ Bad: invoke('bad', {}, END) }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'LostRace' })
    expect(JSON.parse(result.cause ?? '')).toEqual({ errorType: 'LostRace', errorMessage: 'too late', trace: [] })
  })

  test.each(['TooManyRequestsException', 'ServiceException', 'SdkClientException'])(
    'a call that fails with %s is an error of Lambda',
    async (code) => {
      const { run } = statesAccount({
        bad: () => {
          throw new AwsError(code, 'sorry')
        },
      })
      expect(await run(machine({ Bad: invoke('bad', {}, END) }))).toMatchObject({ error: `Lambda.${code}` })
    },
  )

  test('no time passes while a function runs, however long it really takes', async () => {
    const { run, elapsedMs } = statesAccount({
      slow: async () => {
        for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
        return 'done'
      },
    })
    expect(await run(machine({ Slow: invoke('slow', {}, { TimeoutSeconds: 1, End: true }) }))).toMatchObject({
      output: 'done',
    })
    expect(elapsedMs()).toBe(0)
  })

  test('an answer of more than 256 KiB is States.DataLimitExceeded, which States.ALL does not catch (AWS facts C.1, C.4)', async () => {
    const { run } = statesAccount({ big: () => 'x'.repeat(262_144) })
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'After' }]
    const states = { Big: invoke('big', {}, { Catch, Next: 'After' }), After: { Type: 'Succeed' } }
    expect(await run(machine(states))).toMatchObject({
      status: 'FAILED',
      error: 'States.DataLimitExceeded',
      cause:
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.",
    })
  })
})

describe('Retry and Catch', () => {
  test('waits longer each time, up to the longest (AWS facts C.5)', async () => {
    const { run, calls } = statesAccount({ flaky: times(4, 'Busy') })
    const Retry = [{ ErrorEquals: ['Busy'], IntervalSeconds: 2, BackoffRate: 3, MaxDelaySeconds: 10, MaxAttempts: 9 }]
    expect(await run(machine({ Task: invoke('flaky', {}, { Retry, ...END }) }))).toMatchObject({ output: 'done' })
    expect(calls.map((call) => call.atMs)).toEqual([0, 2000, 8000, 18_000, 28_000])
  })

  test('tries three times more unless told (AWS facts C.5)', async () => {
    const { run, calls } = statesAccount({ flaky: times(9, 'Busy') })
    const task = invoke('flaky', {}, { Retry: [{ ErrorEquals: ['States.ALL'] }], ...END })
    expect(await run(machine({ Task: task }))).toMatchObject({ error: 'Busy' })
    expect(calls.map((call) => call.atMs)).toEqual([0, 1000, 3000, 7000])
  })

  test('each retrier counts its own attempts (AWS facts C.5)', async () => {
    const errors = ['A', 'B', 'A', 'B', 'A']
    const { run, calls } = statesAccount({ flaky: (_, call) => functionError(errors[call - 1] ?? 'B') })
    const Retry = ['A', 'B'].map((error) => ({ ErrorEquals: [error], BackoffRate: 1, MaxAttempts: 2 }))
    expect(await run(machine({ Task: invoke('flaky', {}, { Retry, ...END }) }))).toMatchObject({ error: 'A' })
    expect(calls).toHaveLength(5)
  })

  test('full jitter stays below the delay and repeats exactly', async () => {
    const first = await jitteredTries()
    expect(first).toEqual(await jitteredTries())
    for (const [index, atMs] of first.entries()) expect(atMs - (first[index - 1] ?? 0)).toBeLessThan(100_000)
    expect(new Set(first).size).toBe(4)
  })

  test('a Catch keeps what it assigns, and its output is the error unless told', async () => {
    const { run } = statesAccount({ bad: () => functionError('Bad') })
    const Catch = [
      { ErrorEquals: ['Other'], Next: 'Never' },
      { ErrorEquals: ['States.TaskFailed'], Assign: { caught: '{% $states.errorOutput.Error %}' }, Next: 'After' },
    ]
    const result = await run(
      machine({
        Task: invoke('bad', {}, { Catch, Next: 'Never' }),
        Never: { Type: 'Fail' },
        After: { Type: 'Succeed', Output: { caught: '{% $caught %}', error: '{% $states.input.Error %}' } },
      }),
    )
    expect(result.output).toEqual({ caught: 'Bad', error: 'Bad' })
  })

  test('tells observers what happens', async () => {
    const { run, states } = statesAccount({ flaky: () => functionError('Busy') })
    const seen: string[] = []
    states.observe(({ state, event, error }) => seen.push([state, event, error].join(' ').trim()))
    const Retry = [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }]
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'After' }]
    await run(machine({ Task: invoke('flaky', {}, { Retry, Catch, Next: 'After' }), After: { Type: 'Succeed' } }))
    expect(seen).toEqual([
      'Task entered',
      'Task retried Busy',
      'Task caught Busy',
      'Task exited',
      'After entered',
      'After exited',
    ])
  })
})

describe('task tokens', () => {
  test('the task ends with the output that is sent with its token', async () => {
    const account = statesAccount({
      register: (payload) => {
        account.clock.after(
          90_000,
          () => void account.api('SendTaskSuccess', { taskToken: tokenOf(payload), output: '{"a":1}' }),
        )
      },
    })
    const result = await account.run(machine({ Wait: invokeWithToken('register', { TimeoutSeconds: 900, ...END }) }))
    expect(result.output).toEqual({ a: 1 })
    expect(account.elapsedMs()).toBe(90_000)
    expect((await account.history(result.arn)).map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ])
  })

  test('a function may answer its own token, even if its own answer is lost after that', async () => {
    const account = statesAccount({
      register: async (payload) => {
        await account.api('SendTaskSuccess', { taskToken: tokenOf(payload), output: '"there"' })
        throw new AwsError('SdkClientException', 'lost')
      },
    })
    expect(await account.run(machine({ Wait: invokeWithToken('register', END) }))).toMatchObject({ output: 'there' })
  })

  test('a failure that is sent is the error of the task', async () => {
    const account = statesAccount({
      register: (payload) => {
        const failure = { taskToken: tokenOf(payload), error: 'SnapshotFailed', cause: 'disk' }
        account.clock.after(1000, () => void account.api('SendTaskFailure', failure))
      },
    })
    const result = await account.run(machine({ Wait: invokeWithToken('register', END) }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'SnapshotFailed', cause: 'disk' })
  })

  test('no answer in time is States.Timeout; every try has a token of its own, and old ones are refused (AWS facts C.4)', async () => {
    const tokens: string[] = []
    const account = statesAccount({ register: (payload) => void tokens.push(tokenOf(payload)) })
    const Retry = [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 1 }]
    const task = invokeWithToken('register', { TimeoutSeconds: 60, Retry, ...END })
    const result = await account.run(machine({ Wait: task }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.Timeout' })
    expect(result.cause).toBeUndefined()
    expect(account.elapsedMs()).toBe(121_000)
    expect(new Set(tokens).size).toBe(2)
    for (const taskToken of tokens)
      await expect(account.api('SendTaskSuccess', { taskToken, output: '1' })).rejects.toMatchObject({
        code: 'TaskTimedOut',
        message: "Task Timed Out: 'Provided task does not exist anymore'",
      })
    const timedOut = (await account.history(result.arn)).filter(({ type }) => type === 'TaskTimedOut')
    expect(timedOut).toHaveLength(2)
  })

  test('a token is good for one answer, an unknown one for none, and the output must be JSON (AWS facts C.4)', async () => {
    const tokens: string[] = []
    const account = statesAccount({ register: (payload) => void tokens.push(tokenOf(payload)) })
    const arn = account.states.start(
      await account.create(
        'tokens',
        machine({
          Wait: invokeWithToken('register', { Next: 'Rest' }),
          Rest: { Type: 'Wait', Seconds: 60, End: true },
        }),
      ),
      {},
    )
    const answered = account.clock.hold()
    while (tokens.length === 0) await new Promise((done) => setImmediate(done))
    const [taskToken] = tokens
    await expect(account.api('SendTaskSuccess', { taskToken, output: '{' })).rejects.toMatchObject({
      code: 'InvalidOutput',
    })
    await account.api('SendTaskSuccess', { taskToken, output: '1' })
    await expect(account.api('SendTaskSuccess', { taskToken, output: '1' })).rejects.toMatchObject({
      code: 'TaskTimedOut',
    })
    await expect(account.api('SendTaskHeartbeat', { taskToken: 'x' })).rejects.toMatchObject({ code: 'InvalidToken' })
    answered()
    expect(await account.states.waitFor(arn)).toMatchObject({ status: 'SUCCEEDED', output: 1 })
  })

  test('heartbeats keep a task alive until they stop (AWS facts C.4)', async () => {
    const account = statesAccount({
      register: (payload) => {
        for (const second of [50, 100, 150])
          account.clock.after(
            second * 1000,
            () => void account.api('SendTaskHeartbeat', { taskToken: tokenOf(payload) }),
          )
      },
    })
    const task = invokeWithToken('register', { HeartbeatSeconds: 60, TimeoutSeconds: 900, ...END })
    expect(await account.run(machine({ Wait: task }))).toMatchObject({ error: 'States.HeartbeatTimeout' })
    expect(account.elapsedMs()).toBe(210_000)
  })
})

describe('startExecution.sync:2', () => {
  test('ends with the child, whose output is JSON', async () => {
    const { run, create, elapsedMs } = statesAccount()
    await create('child', machine({ Wait: { Type: 'Wait', Seconds: 60, Output: { done: true }, End: true } }))
    const result = await run(machine({ Child: nested(END) }), { name: 'one' })
    expect(result.output).toMatchObject({ Input: { name: 'one' }, Output: { done: true }, Status: 'SUCCEEDED' })
    expect(elapsedMs()).toBe(60_000)
  })

  test('a child that fails is States.TaskFailed, with its description as the cause', async () => {
    const { run, create } = statesAccount()
    await create('child', machine({ Fail: { Type: 'Fail', Error: 'Bad', Cause: 'why' } }))
    const result = await run(machine({ Child: nested(END) }), { name: 'one' })
    expect(result.error).toBe('States.TaskFailed')
    expect(JSON.parse(result.cause ?? '')).toMatchObject({ Error: 'Bad', Cause: 'why', Status: 'FAILED', Name: 'one' })
  })

  test('a name that was used is StepFunctions.ExecutionAlreadyExistsException', async () => {
    const { run, create, states } = statesAccount()
    const child = await create('child', machine({ Done: { Type: 'Succeed' } }))
    await states.waitFor(states.start(child, {}, 'one'))
    const Catch = [{ ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'], Output: 'known', Next: 'After' }]
    const result = await run(machine({ Child: nested({ Catch, Next: 'After' }), After: { Type: 'Succeed' } }), {
      name: 'one',
    })
    expect(result.output).toBe('known')
  })

  test('a parent that is stopped stops its child', async () => {
    const { api, create, states } = statesAccount()
    await create('child', machine({ Wait: { Type: 'Wait', Seconds: 3600, End: true } }))
    const parent = states.start(await create('parent', machine({ Child: nested(END) })), { name: 'one' })
    const childArn = 'arn:aws:states:eu-west-1:111122223333:execution:child:one'
    await new Promise<void>((entered) => states.observe(({ state }) => state === 'Wait' && entered()))
    await api('StopExecution', { executionArn: parent, error: 'Enough' })
    expect(await states.waitFor(parent)).toEqual({ status: 'ABORTED', error: 'Enough' })
    expect(await states.waitFor(childArn)).toMatchObject({ status: 'ABORTED' })
  })
})
