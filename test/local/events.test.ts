import { deserialize, serialize } from 'node:v8'
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
import type { DeadLetter, TargetInvocation } from '../../local/events/target.ts'
import { Faults } from '../../local/faults.ts'
import { AwsError } from '../../local/wire/service.ts'
import type { AwsEvent } from '../../local/wire/service.ts'

const START = Date.UTC(2031, 0, 1) + 250
const WAKE = 'arn:aws:lambda:eu-west-1:123456789012:function:wake'
const RULE_ARN = 'arn:aws:events:eu-west-1:123456789012:rule/wake'
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
let letters: DeadLetter[]
/** What the next deliveries answer; taken when there are none left. */
let refusals: Error[]

function create(): void {
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
    sendDeadLetter: (letter) => letters.push(letter),
  })
}

beforeEach(() => {
  clock = manualClock(START)
  faults = new Faults()
  delivered = []
  letters = []
  refusals = []
  create()
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

test('rules are found by their targets, and carry tags', async () => {
  await rule({ source: ['aws.ec2'] })
  await rule({ source: ['aws.s3'] }, { Arn: `${WAKE}2` }, 'other')
  expect(await call('ListRuleNamesByTarget', { TargetArn: WAKE })).toEqual({ RuleNames: ['wake'] })
  await call('TagResource', {
    ResourceARN: RULE_ARN,
    Tags: [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ],
  })
  await call('UntagResource', { ResourceARN: RULE_ARN, TagKeys: ['a'] })
  expect(await call('ListTagsForResource', { ResourceARN: RULE_ARN })).toEqual({ Tags: [{ Key: 'b', Value: '2' }] })
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

describe('an input transformer', () => {
  const paths = { event: '$.detail.event', detail: '$.detail', snapshot: '$.resources[0]', none: '$.detail.none' }

  test.each([
    ['{"a": <event>, "b": <detail>}', { a: 'createSnapshot', b: SNAPSHOT.detail }],
    ['{"a": "<event> of <snapshot>"}', { a: `createSnapshot of ${SNAPSHOT.resources[0]}` }],
    ['"<event> says <detail>"', `createSnapshot says ${JSON.stringify(SNAPSHOT.detail)}`],
    ['{"a": <none>, "b": "<none>"}', { a: null, b: '' }],
    ['{"rule": <aws.events.rule-name>}', { rule: 'wake' }],
    ['[1, <event>]', [1, 'createSnapshot']],
  ])('makes of %s what the target gets', async (InputTemplate, expected) => {
    await rule({ source: ['aws.ec2'] }, { InputTransformer: { InputPathsMap: paths, InputTemplate } })
    events.emit(SNAPSHOT)
    await clock.advance(1000)
    expect(delivered.map(({ input }) => input)).toEqual([expected])
  })

  test('that makes no JSON delivers nothing', async () => {
    await rule({ source: ['aws.ec2'] }, { InputTransformer: { InputTemplate: '{"a": }' } })
    events.emit(SNAPSHOT)
    await clock.advance(1000)
    expect(delivered).toEqual([])
  })
})

test('what is given up goes to the dead-letter queue, with what went wrong (AWS facts D.2)', async () => {
  const queue = 'arn:aws:sqs:eu-west-1:123456789012:dead'
  await rule({ source: ['aws.ec2'] }, { DeadLetterConfig: { Arn: queue }, RetryPolicy: { MaximumRetryAttempts: 1 } })
  refusals = [new Error('down'), new Error('still down')]
  events.emit(SNAPSHOT)
  await clock.advance(60_000)
  const [letter] = letters
  expect(letter).toMatchObject({ queueArn: queue, sourceArn: RULE_ARN })
  expect(JSON.parse(letter?.body ?? '')).toMatchObject(SNAPSHOT)
  expect(letter?.attributes).toEqual({
    RULE_ARN,
    TARGET_ARN: WAKE,
    ERROR_CODE: 'INTERNAL_ERROR',
    ERROR_MESSAGE: 'still down',
    RETRY_ATTEMPTS: 1,
    EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
  })
  refusals = [new AwsError('ResourceNotFoundException', 'gone', { status: 404 })]
  events.emit(SNAPSHOT)
  await clock.advance(60_000)
  expect(letters[1]?.attributes).toMatchObject({ ERROR_CODE: 'NO_RESOURCE', RETRY_ATTEMPTS: 0 })
  expect(letters[1]?.attributes).not.toHaveProperty('EXHAUSTED_RETRY_CONDITION')
})

test('rules, events on their way and retries survive a restart', async () => {
  await rule({ source: ['aws.ec2'] })
  refusals = [new Error('down')]
  events.emit({ ...SNAPSHOT, detail: { nr: 1 } })
  await clock.advance(600)
  events.emit({ ...SNAPSHOT, detail: { nr: 2 } })
  const saved: unknown = deserialize(serialize(events.durable.save()))
  events.stop()
  create()
  events.durable.restore(saved)
  events.durable.resume?.()
  await clock.advance(5000)
  expect(delivered.map(({ input, atMs }) => [(input as AwsEvent).detail['nr'], atMs])).toEqual([
    [1, 500],
    [2, 1100],
    [1, 1500],
  ])
  events.emit(SNAPSHOT)
  await clock.advance(1000)
  expect(delivered).toHaveLength(4)
})

test('a pattern can be tried without a rule', async () => {
  const event = { ...SNAPSHOT, id: 'x', account: '1', time: 't', region: 'r' }
  const tested = (EventPattern: string, Event: string = JSON.stringify(event)): Promise<object> =>
    call('TestEventPattern', { EventPattern, Event })
  expect(await tested('{"source":["aws.ec2"]}')).toEqual({ Result: true })
  expect(await tested('{"source":["aws.s3"]}')).toEqual({ Result: false })
  await expect(tested('{"source":["aws.s3"]}', '{}')).rejects.toMatchObject({ code: 'ValidationException' })
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
      { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE, InputTransformer: { InputTemplate: '<missing>' } }] },
      'ValidationException',
    ],
    [
      'PutTargets',
      { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE.replace('lambda', 'states') }] },
      'ValidationException',
    ],
    [
      'PutTargets',
      { Rule: 'wake', Targets: [{ Id: 'x', Arn: WAKE, SqsParameters: { MessageGroupId: 'g' } }] },
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
