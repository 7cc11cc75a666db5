import type {
  ListRulesResponse,
  ListTargetsByRuleResponse,
  PutEventsResponse,
  Target,
} from '@aws-sdk/client-eventbridge'
import { beforeEach, describe, expect, test } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { createEvents } from '../../local/events/events.ts'
import type { Events } from '../../local/events/events.ts'
import { compilePattern } from '../../local/events/pattern.ts'
import type { TargetInvocation } from '../../local/events/target.ts'
import { Faults } from '../../local/faults.ts'
import { AwsError } from '../../local/wire/service.ts'
import type { AwsEvent } from '../../local/wire/service.ts'

const START = Date.UTC(2031, 0, 1) + 250
const WAKE = 'arn:aws:lambda:eu-west-1:123456789012:function:wake'
const SNAPSHOT = {
  source: 'aws.ec2',
  'detail-type': 'EBS Snapshot Notification',
  resources: ['arn:aws:ec2::eu-west-1:snapshot/snap-1'],
  detail: { event: 'createSnapshot', result: 'succeeded' },
}

let clock: Clock
let faults: Faults
let events: Events
let delivered: (TargetInvocation & { atMs: number })[]
/** What the next deliveries answer; taken when there are none left. */
let refusals: Error[]

beforeEach(() => {
  clock = manualClock(START)
  faults = new Faults()
  delivered = []
  refusals = []
  events = createEvents({
    clock,
    accountId: '123456789012',
    region: 'eu-west-1',
    faults,
    deliver: async (invocation) => {
      delivered.push({ ...invocation, atMs: clock.now() - START })
      const refusal = refusals.shift()
      if (refusal) throw refusal
    },
  })
})

async function call<Output>(operation: string, input: object): Promise<Output> {
  const caller = { accountId: '123456789012', region: 'eu-west-1', arn: '', accessKeyId: 'A', requestId: 'R' }
  return (await events.service.operations[operation]!(input as never, caller)) as Output
}

async function rule(pattern: object, target: Partial<Target> = {}, name = 'wake'): Promise<void> {
  await call('PutRule', { Name: name, EventPattern: JSON.stringify(pattern) })
  await call('PutTargets', { Rule: name, Targets: [{ Id: 'one', Arn: WAKE, ...target }] })
}

describe('delivery', () => {
  test('brings a matching event to the target, a moment later and whole', async () => {
    await rule({ source: ['aws.ec2'], detail: { event: ['createSnapshot'] } })
    events.emit(SNAPSHOT)
    events.emit({ ...SNAPSHOT, detail: { event: 'copySnapshot' } })
    expect(delivered).toEqual([])
    await clock.advance(10_000)
    expect(delivered).toHaveLength(1)
    expect(delivered[0]).toMatchObject({
      arn: WAKE,
      atMs: 500,
      input: { ...SNAPSHOT, version: '0', account: '123456789012', region: 'eu-west-1', time: '2031-01-01T00:00:00Z' },
    })
  })

  test('sends what Input or InputPath says in place of the event', async () => {
    await rule({ source: ['aws.ec2'] }, { Input: '{"fixed":true}' }, 'a')
    await rule({ source: ['aws.ec2'] }, { InputPath: '$.resources[0]' }, 'b')
    await rule({ source: ['aws.ec2'] }, { InputPath: "$['detail-type']" }, 'c')
    events.emit(SNAPSHOT)
    await clock.advance(1000)
    expect(delivered.map(({ input }) => input)).toEqual([
      { fixed: true },
      SNAPSHOT.resources[0],
      SNAPSHOT['detail-type'],
    ])
  })

  test('tries a failing target again, ever later', async () => {
    await rule({ source: ['aws.ec2'] })
    refusals = [
      new AwsError('ServiceException', 'down', { status: 500 }),
      new AwsError('TooManyRequestsException', 'busy', { status: 429 }),
      new Error('lost'),
    ]
    events.emit(SNAPSHOT)
    await clock.advance(3_600_000)
    expect(delivered.map(({ atMs }) => atMs)).toEqual([500, 1500, 3500, 7500])
    expect(events.undelivered).toEqual([])
  })

  test('gives up when the retries are used up, or the event is too old, and says so', async () => {
    const failures = Array.from({ length: 20 }, () => new Error('down'))
    await rule(
      { source: ['aws.ec2'] },
      { RetryPolicy: { MaximumRetryAttempts: 2 }, DeadLetterConfig: { Arn: 'arn:aws:sqs:x' } },
    )
    refusals = [...failures]
    events.emit(SNAPSHOT)
    await clock.advance(3_600_000)
    expect(delivered).toHaveLength(3)
    expect(events.undelivered).toMatchObject([
      { attempts: 3, reason: 'down', deadLetterArn: 'arn:aws:sqs:x', invocation: { arn: WAKE } },
    ])

    delivered = []
    refusals = [...failures]
    await rule({ source: ['aws.ec2'] }, { RetryPolicy: { MaximumEventAgeInSeconds: 60 } })
    events.emit(SNAPSHOT)
    await clock.advance(3_600_000)
    expect(delivered).toHaveLength(6)
    expect(events.undelivered).toHaveLength(2)
  })

  test('does not try again what the target refuses for good', async () => {
    await rule({ source: ['aws.ec2'] })
    refusals = [new AwsError('ResourceNotFoundException', 'Function not found', { status: 404 })]
    events.emit(SNAPSHOT)
    await clock.advance(3_600_000)
    expect(delivered).toHaveLength(1)
    expect(events.undelivered).toHaveLength(1)
  })

  test('leaves a disabled rule alone until it is enabled', async () => {
    await rule({ source: ['aws.ec2'] })
    await call('DisableRule', { Name: 'wake' })
    events.emit(SNAPSHOT)
    await clock.advance(1000)
    await call('EnableRule', { Name: 'wake' })
    events.emit(SNAPSHOT)
    await clock.advance(1000)
    expect(delivered).toHaveLength(1)
  })

  test.each([
    ['drop', { kind: 'drop' }, []],
    ['duplicate', { kind: 'duplicate' }, [500, 500]],
    ['delay', { kind: 'delay', delayMs: 60_000 }, [60_500]],
  ] as const)('can %s an event on purpose', async (_, effect, times) => {
    await rule({ source: ['aws.ec2'] })
    const seen: AwsEvent[] = []
    events.observe((event) => seen.push(event))
    faults.onEvent(({ detail }) => detail['event'] === 'createSnapshot', effect)
    events.emit(SNAPSHOT)
    await clock.advance(3_600_000)
    expect(delivered.map(({ atMs }) => atMs)).toEqual(times)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(Math.min(times.length, 1))
    expect(faults.unused).toBe(0)
  })
})

test('can let an event arrive behind the one that follows it, and alone when none does', async () => {
  await rule({ source: ['aws.ec2'] })
  const arrived: [unknown, number][] = []
  events.observe(({ detail }) => arrived.push([detail['nr'], clock.now() - START]))
  const emit = (nr: number): void => events.emit({ ...SNAPSHOT, detail: { nr } })
  faults.onEvent({ detail: { nr: 1 } }, { kind: 'reorder' })
  faults.onEvent({ detail: { nr: 4 } }, { kind: 'reorder' })
  for (const nr of [1, 2, 3, 4]) emit(nr)
  await clock.advance(3_600_000)
  expect(arrived).toEqual([
    [2, 500],
    [1, 500],
    [3, 500],
    [4, 300_500],
  ])
})

describe('patterns', () => {
  const event = {
    source: 'aws.ec2',
    detail: { state: 'running', size: 8, tags: ['a', 'b'], none: null, on: true, deep: { er: 'x' } },
  }

  test.each([
    [{ source: ['aws.ec2'] }, true],
    [{ source: ['aws.ebs', 'aws.ec2'] }, true],
    [{ source: ['AWS.EC2'] }, false],
    [{ detail: { state: ['stopped'] } }, false],
    [{ source: ['aws.ec2'], detail: { state: ['stopped'] } }, false],
    [{ detail: { tags: ['b'] } }, true],
    [{ detail: { size: [8] } }, true],
    [{ detail: { size: ['8'] } }, false],
    [{ detail: { none: [null] } }, true],
    [{ detail: { on: [true] } }, true],
    [{ detail: { deep: { er: ['x'] } } }, true],
    [{ detail: { state: [{ prefix: 'run' }] } }, true],
    [{ detail: { state: [{ prefix: { 'equals-ignore-case': 'RUN' } }] } }, true],
    [{ detail: { state: [{ suffix: 'run' }] } }, false],
    [{ detail: { state: [{ suffix: 'ning' }] } }, true],
    [{ detail: { state: [{ 'equals-ignore-case': 'RUNNING' }] } }, true],
    [{ detail: { state: [{ wildcard: 'r*n*g' }] } }, true],
    [{ detail: { state: [{ wildcard: 'r.nning' }] } }, false],
    [{ detail: { state: [{ 'anything-but': 'running' }] } }, false],
    [{ detail: { state: [{ 'anything-but': ['stopped', 'pending'] }] } }, true],
    [{ detail: { state: [{ 'anything-but': { prefix: 'run' } }] } }, false],
    [{ detail: { absent: [{ 'anything-but': 'x' }] } }, false],
    [{ detail: { size: [{ numeric: ['>', 0, '<=', 8] }] } }, true],
    [{ detail: { size: [{ numeric: ['=', 9] }] } }, false],
    [{ detail: { state: [{ numeric: ['>', 0] }] } }, false],
    [{ detail: { state: [{ exists: true }] } }, true],
    [{ detail: { deep: [{ exists: true }] } }, false],
    [{ detail: { absent: [{ exists: false }] } }, true],
    [{ detail: { absent: { er: [{ exists: false }] } } }, true],
    [{ $or: [{ source: ['aws.s3'] }, { detail: { state: ['running'] } }] }, true],
    [{ detail: { $or: [{ state: ['stopped'] }, { size: [9] }] } }, false],
  ])('%j: %s', (pattern, fits) => {
    expect(compilePattern(JSON.stringify(pattern))(event)).toBe(fits)
  })

  test.each([
    ['{', 'Invalid JSON'],
    ['[]', 'Filter is not an object'],
    ['{}', 'Empty objects are not allowed'],
    ['{"source":"aws.ec2"}', '"source" must be an object or an array'],
    ['{"source":[]}', 'Empty arrays are not allowed'],
    ['{"detail":{}}', 'Empty objects are not allowed'],
    ['{"source":[{"like":"x"}]}', 'Unrecognized match type like'],
    ['{"source":[{"prefix":1}]}', 'prefix match pattern must be a string'],
    ['{"source":[{"exists":"yes"}]}', 'exists match pattern must be either true or false.'],
    ['{"source":[{"numeric":["~",1]}]}', 'Unrecognized numeric range operator: ~'],
    ['{"source":[{"prefix":"a","suffix":"b"}]}', 'Only one key allowed in match expression'],
  ])('refuses %s', (pattern, reason) => {
    expect(() => compilePattern(pattern)).toThrow(
      expect.objectContaining({
        code: 'InvalidEventPatternException',
        message: `Event pattern is not valid. Reason: ${reason}`,
      }),
    )
  })
})

describe('rules', () => {
  test('are described, listed by prefix in pages, and keep their targets when put again', async () => {
    for (const name of ['wake-b', 'wake-a', 'other']) await rule({ source: ['aws.ec2'] }, {}, name)
    await rule({ source: ['aws.ssm'] }, { Id: 'two' }, 'wake-a')
    const first = await call<ListRulesResponse>('ListRules', { NamePrefix: 'wake', Limit: 1 })
    const second = await call<ListRulesResponse>('ListRules', {
      NamePrefix: 'wake',
      Limit: 1,
      NextToken: first.NextToken,
    })
    expect([...first.Rules!, ...second.Rules!].map(({ Name }) => Name)).toEqual(['wake-a', 'wake-b'])
    expect(second.NextToken).toBeUndefined()
    expect(await call('DescribeRule', { Name: 'wake-a' })).toMatchObject({
      Arn: 'arn:aws:events:eu-west-1:123456789012:rule/wake-a',
      EventPattern: '{"source":["aws.ssm"]}',
      State: 'ENABLED',
    })
    const { Targets } = await call<ListTargetsByRuleResponse>('ListTargetsByRule', { Rule: 'wake-a' })
    expect(Targets!.map(({ Id }) => Id)).toEqual(['one', 'two'])
  })

  test('cannot be deleted while they have targets', async () => {
    await rule({ source: ['aws.ec2'] })
    await expect(call('DeleteRule', { Name: 'wake' })).rejects.toThrow("Rule can't be deleted since it has targets.")
    await call('RemoveTargets', { Rule: 'wake', Ids: ['one'] })
    await call('DeleteRule', { Name: 'wake' })
    await expect(call('DescribeRule', { Name: 'wake' })).rejects.toMatchObject({ code: 'ResourceNotFoundException' })
    await expect(call('DeleteRule', { Name: 'wake' })).resolves.toBeUndefined()
  })

  test.each([
    ['PutRule', { Name: 'r' }, 'ValidationException'],
    ['PutRule', { Name: 'r', ScheduleExpression: 'rate(1 day)' }, 'NotImplemented'],
    ['PutRule', { Name: 'r', EventPattern: '{"source":["x"]}', EventBusName: 'mine' }, 'ResourceNotFoundException'],
    ['PutTargets', { Rule: 'none', Targets: [] }, 'ResourceNotFoundException'],
    ['PutTargets', { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE, Input: '{' }] }, 'ValidationException'],
    [
      'PutTargets',
      { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE, Input: '{}', InputPath: '$' }] },
      'ValidationException',
    ],
    [
      'PutTargets',
      { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE, InputTransformer: { InputTemplate: '1' } }] },
      'NotImplemented',
    ],
    [
      'PutTargets',
      { Rule: 'wake', Targets: ['a', 'b', 'c', 'd', 'e'].map((Id) => ({ Id, Arn: WAKE })) },
      'LimitExceededException',
    ],
  ])('%s refuses %j', async (operation, input, code) => {
    await rule({ source: ['aws.ec2'] })
    await expect(call(operation, input)).rejects.toMatchObject({ code })
  })
})

test('PutEvents takes good entries, refuses bad ones one by one, and keeps the sources of AWS to AWS', async () => {
  await rule({ source: ['shop'] })
  const answer = await call<PutEventsResponse>('PutEvents', {
    Entries: [
      { Source: 'shop', DetailType: 'sold', Detail: '{"n":1}', Time: new Date(START - 60_000) },
      { Source: 'shop', DetailType: 'sold', Detail: 'no' },
      { Source: 'shop', Detail: '{}' },
      { Source: 'aws.ec2', DetailType: 'x', Detail: '{}' },
    ],
  })
  expect(answer.FailedEntryCount).toBe(3)
  expect(answer.Entries!.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    'MalformedDetail',
    'InvalidArgument',
    'NotAuthorizedForSourceException',
  ])
  await clock.advance(1000)
  expect(delivered.map(({ input }) => input)).toMatchObject([
    { id: answer.Entries![0]!.EventId, time: '2030-12-31T23:59:00Z', detail: { n: 1 } },
  ])
  const eleven = Array.from({ length: 11 }, () => ({ Source: 'shop', DetailType: 'x', Detail: '{}' }))
  await expect(call('PutEvents', { Entries: eleven })).rejects.toMatchObject({ code: 'ValidationException' })
})
