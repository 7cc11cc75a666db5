import { describe, expect, test } from 'vitest'
import { invoke, machine, START_MS, statesAccount } from './states-account.ts'

const pass = (output: unknown, more: object = { End: true }) => ({ Type: 'Pass', Output: output, ...more })

const slow = (seconds: number) => ({ Type: 'Wait', Seconds: seconds, End: true })

const rule = (condition: string) =>
  machine({
    Choice: { Type: 'Choice', Choices: [{ Condition: condition, Next: 'End' }] },
    End: { Type: 'Succeed' },
  })

describe('expressions', () => {
  test.each<[string, unknown, unknown]>([
    ['a string without {% stands for itself', '$states.input', '$states.input'],
    ['an expression sees the input', '{% $states.input.n + 1 %}', 3],
    ['templates are filled in at any depth', { a: [{ b: '{% $states.input.n %}' }] }, { a: [{ b: 2 }] }],
    ['null is a value', '{% null %}', null],
    ['$parse reads JSON', '{% $parse("{\\"x\\":[1]}") %}', { x: [1] }],
    ['$partition cuts a list', '{% $partition([1,2,3], 2) %}', [[1, 2], [3]]],
    ['$range counts', '{% $range(0, 10, 5) %}', [0, 5, 10]],
    ['$hash hashes', '{% $hash("a", "MD5") %}', '0cc175b9c0f1b6a831c399e269772661'],
    ['$millis is virtual time', '{% $millis() %}', START_MS],
    ['$now is virtual time', '{% $now() %}', '2026-01-05T08:00:00.000Z'],
    ['$now takes a picture', "{% $now('[Y0001]-[M01]') %}", '2026-01'],
    ['a list of one stays a list', { list: ['{% $states.input.n %}'] }, { list: [2] }],
  ])('%s', async (_, output, expected) => {
    const { run } = statesAccount()
    expect(await run(machine({ Only: pass(output) }), { n: 2 })).toMatchObject({
      status: 'SUCCEEDED',
      output: expected,
    })
  })

  test('the context tells execution, machine and state', async () => {
    const { run } = statesAccount()
    const result = await run(machine({ Only: pass('{% $states.context %}') }), { n: 1 })
    expect(result.output).toEqual({
      Execution: {
        Id: 'arn:aws:states:eu-west-1:111122223333:execution:machine:run',
        Input: { n: 1 },
        Name: 'run',
        RoleArn: 'arn:aws:iam::111122223333:role/machine',
        StartTime: '2026-01-05T08:00:00.000Z',
        RedriveCount: 0,
      },
      StateMachine: { Id: 'arn:aws:states:eu-west-1:111122223333:stateMachine:machine', Name: 'machine' },
      State: { Name: 'Only', EnteredTime: '2026-01-05T08:00:00.000Z', RetryCount: 0 },
    })
  })

  test.each<[string, unknown, RegExp]>([
    ['undefined', { a: '{% $states.input.missing %}' }, /field 'Output\/a' returned nothing \(undefined\)\.$/],
    ['a type error', '{% 1 + "a" %}', /field 'Output' threw an error during evaluation\. T200/],
    ['$eval, which Step Functions does not have', '{% $eval("1") %}', /T100/],
  ])('%s is States.QueryEvaluationError', async (_, output, cause) => {
    const { run, history } = statesAccount()
    const result = await run(machine({ Only: pass(output) }))
    expect(result).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
    expect(result.cause).toMatch(cause)
    expect(result.cause).toMatch(/^An error occurred while executing the state 'Only' \(entered at the event id #2\)\./)
    expect((await history(result.arn)).map((event) => event.type)).toContain('EvaluationFailed')
  })
})

describe('variables', () => {
  test('Assign sees the old values, and so does Output (AWS facts C.2)', async () => {
    const { run } = statesAccount()
    const result = await run(
      machine({
        First: { Type: 'Pass', Assign: { a: 1, b: 2 }, Next: 'Swap' },
        Swap: { Type: 'Pass', Assign: { a: '{% $b %}', b: '{% $a %}' }, Output: '{% $a %}', Next: 'Last' },
        Last: pass({ a: '{% $a %}', b: '{% $b %}', before: '{% $states.input %}' }),
      }),
    )
    expect(result.output).toEqual({ a: 2, b: 1, before: 1 })
  })

  test('the items of a Map read outer variables and keep their own to themselves (AWS facts C.2)', async () => {
    const { run } = statesAccount()
    const result = await run(
      machine({
        Set: { Type: 'Pass', Assign: { factor: 10 }, Next: 'Each' },
        Each: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: machine({
            Multiply: { Type: 'Pass', Assign: { own: '{% $factor * $states.input %}' }, Next: 'Tell' },
            Tell: pass('{% $own %}'),
          }),
          Next: 'After',
        },
        After: pass({ results: '{% $states.input %}', leaked: '{% $exists($own) %}' }),
      }),
    )
    expect(result.output).toEqual({ results: [10, 20], leaked: false })
  })

  test('an Assign of more than 256 KiB is refused (AWS facts C.2)', async () => {
    const { run } = statesAccount()
    const states = { Big: { Type: 'Pass', Assign: { big: "{% $pad('', 262200, 'x') %}" }, Output: 1, End: true } }
    expect(await run(machine(states))).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' })
  })
})

describe('Choice', () => {
  const choice = {
    Type: 'Choice',
    Choices: [
      { Condition: '{% $states.input.n > 10 %}', Output: 'many', Assign: { seen: 'rule' }, Next: 'End' },
      { Condition: '{% $states.input.n > 5 %}', Next: 'End' },
    ],
    Output: 'few',
    Assign: { seen: 'default' },
    Default: 'End',
  }
  const end = pass({ value: '{% $states.input %}', seen: "{% $exists($seen) ? $seen : 'nothing' %}" })

  test.each([
    [11, { value: 'many', seen: 'rule' }],
    [6, { value: { n: 6 }, seen: 'nothing' }],
    [1, { value: 'few', seen: 'default' }],
  ])('%i takes the first rule that holds', async (n, output) => {
    const { run } = statesAccount()
    expect((await run(machine({ Choice: choice, End: end }), { n })).output).toEqual(output)
  })

  test('fails when nothing holds and there is no Default, and when a condition is no boolean', async () => {
    expect(await statesAccount().run(rule('{% false %}'))).toMatchObject({ error: 'States.NoChoiceMatched' })
    expect(await statesAccount().run(rule('{% 1 %}'))).toMatchObject({ error: 'States.QueryEvaluationError' })
  })
})

describe('Wait', () => {
  test.each<[string, object, number]>([
    ['seconds', { Seconds: '{% $states.input.n * 60 %}' }, 120_000],
    ['until a time', { Timestamp: '2026-01-05T09:00:00Z' }, 3_600_000],
    ['not for a time that has passed', { Timestamp: '2020-01-01T00:00:00Z' }, 0],
  ])('waits %s', async (_, fields, ms) => {
    const { run, elapsedMs } = statesAccount()
    expect(await run(machine({ Wait: { Type: 'Wait', ...fields, End: true } }), { n: 2 })).toMatchObject({
      status: 'SUCCEEDED',
      output: { n: 2 },
    })
    expect(elapsedMs()).toBe(ms)
  })
})

describe('Succeed and Fail', () => {
  test('Succeed ends with its Output', async () => {
    const { run } = statesAccount()
    expect((await run(machine({ Done: { Type: 'Succeed', Output: { a: 1 } } }))).output).toEqual({ a: 1 })
  })

  test('Fail ends with the error and cause that it makes', async () => {
    const { run, history } = statesAccount()
    const fail = { Type: 'Fail', Error: "{% 'Lost' & 'Race' %}", Cause: '{% $states.input.why %}' }
    const result = await run(machine({ Fail: fail }), { why: 'late' })
    expect(result).toMatchObject({ status: 'FAILED', error: 'LostRace', cause: 'late' })
    expect((await history(result.arn)).map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'FailStateEntered',
      'ExecutionFailed',
    ])
  })
})

describe('Parallel and inline Map', () => {
  test('branches run side by side on the same input', async () => {
    const { run, elapsedMs } = statesAccount()
    const parallel = {
      Type: 'Parallel',
      Arguments: { n: 7 },
      Branches: [machine({ A: slow(60) }), machine({ B: pass('{% $states.input.n %}') })],
      End: true,
    }
    expect((await run(machine({ Both: parallel }))).output).toEqual([{ n: 7 }, 7])
    expect(elapsedMs()).toBe(60_000)
  })

  test('the first branch that fails stops the others, and can be caught', async () => {
    const { run, history, elapsedMs } = statesAccount()
    const parallel = {
      Type: 'Parallel',
      Branches: [machine({ Slow: slow(3600) }), machine({ Bad: { Type: 'Fail', Error: 'Bad' } })],
      Catch: [{ ErrorEquals: ['Bad'], Output: '{% $states.errorOutput.Error %}', Next: 'After' }],
      Next: 'After',
    }
    const result = await run(machine({ Both: parallel, After: { Type: 'Succeed' } }))
    expect(result.output).toBe('Bad')
    expect(elapsedMs()).toBe(0)
    expect((await history(result.arn)).map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'ParallelStateEntered',
      'ParallelStateStarted',
      'WaitStateEntered',
      'FailStateEntered',
      'WaitStateAborted',
      'ParallelStateFailed',
      'ParallelStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ])
  })

  test('a Map selects items, keeps their order and never runs more at once than allowed', async () => {
    const { run, elapsedMs } = statesAccount({ work: ({ n, at }: { n: number; at: number }) => ({ n: n * 2, at }) })
    const each = {
      Type: 'Map',
      Items: '{% $states.input.list %}',
      MaxConcurrency: 2,
      ItemSelector: { n: '{% $states.context.Map.Item.Value %}', at: '{% $states.context.Map.Item.Index %}' },
      ItemProcessor: machine({
        Pause: { Type: 'Wait', Seconds: 10, Next: 'Work' },
        Work: invoke('work', '{% $states.input %}', { End: true }),
      }),
      End: true,
    }
    const result = await run(machine({ Each: each }), { list: [1, 2, 3, 4, 5] })
    expect(result.output).toEqual([1, 2, 3, 4, 5].map((n, at) => ({ n: n * 2, at })))
    expect(elapsedMs()).toBe(30_000)
  })
})
