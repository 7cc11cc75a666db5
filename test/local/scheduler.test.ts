import { deserialize, serialize } from 'node:v8'
import type {
  CreateScheduleInput,
  GetScheduleOutput,
  ListScheduleGroupsOutput,
  ListSchedulesOutput,
} from '@aws-sdk/client-scheduler'
import { beforeEach, describe, expect, test } from 'vitest'
import { autoClock, manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import type { DeadLetter, TargetInvocation } from '../../local/events/target.ts'
import { createScheduler } from '../../local/scheduler/scheduler.ts'
import type { Scheduler } from '../../local/scheduler/scheduler.ts'

const START = Date.UTC(2031, 0, 1)
const HOUR = 3_600_000
const TARGET = {
  Arn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:protect-fleet',
  RoleArn: 'arn:aws:iam::123456789012:role/schedules',
}
const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:dead'
const UNIVERSAL = 'arn:aws:scheduler:::aws-sdk:'

let clock: Clock
let scheduler: Scheduler
let delivered: TargetInvocation[]
let startedAt: string[]
let refusals: Error[]
let letters: DeadLetter[]

function start(given: Clock): void {
  clock = given
  delivered = []
  startedAt = []
  refusals = []
  letters = []
  scheduler = createScheduler({
    clock,
    accountId: '123456789012',
    region: 'eu-west-1',
    deliver: async (invocation) => {
      delivered.push(invocation)
      startedAt.push(new Date(clock.now()).toISOString())
      const refusal = refusals.shift()
      if (refusal) throw refusal
    },
    sendDeadLetter: (letter) => letters.push(letter),
  })
}

beforeEach(() => start(manualClock(START)))

async function call<Output>(operation: string, input: object): Promise<Output> {
  const caller = { accountId: '123456789012', region: 'eu-west-1', arn: '', accessKeyId: 'A', requestId: 'R' }
  return (await scheduler.service.operations[operation]!(input as never, caller)) as Output
}

const settings = (changes: Partial<CreateScheduleInput> = {}): CreateScheduleInput => ({
  Name: 'daily',
  ScheduleExpression: 'cron(0 3 * * ? *)',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: TARGET,
  ...changes,
})

const create = (changes: Partial<CreateScheduleInput> = {}): Promise<unknown> =>
  call('CreateSchedule', settings(changes))

const remove = (ClientToken?: string): Promise<unknown> => call('DeleteSchedule', { Name: 'daily', ClientToken })

describe('expressions', () => {
  test.each([
    'daily',
    'cron(0 3 * * *)',
    'cron(0 3 * * * *)',
    'cron(0 3 ? * ? *)',
    'cron(60 3 * * ? *)',
    'cron(0 24 * * ? *)',
    'cron(0 3 * 13 ? *)',
    'cron(0 3 ? * 0 *)',
    'cron(0 3 ? * 8 *)',
    'cron(0 3 ? * MON#6 *)',
    'cron(0 3 * * ? 1969)',
    'cron(0 3 0 * ? *)',
    'cron(9-5 3 * * ? *)',
    'cron(* * * * ?)',
    'cron(*/0 * * * ? *)',
    'cron(, 3 * * ? *)',
    'rate(0 minutes)',
    'rate(5 weeks)',
    'rate(5)',
    'at(2031-02-30T00:00:00)',
    'at(2031-02-03)',
    'cron(0 3 ? * MON *) ',
  ])('refuses %s', async (expression) => {
    await expect(create({ ScheduleExpression: expression })).rejects.toMatchObject({
      code: 'ValidationException',
      message: `Invalid Schedule Expression ${expression}.`,
    })
  })
})

describe('firing', () => {
  test('starts the target at its time, day after day, with the context words filled in', async () => {
    const input = {
      at: '<aws.scheduler.scheduled-time>',
      arn: '<aws.scheduler.schedule-arn>',
      try: '<aws.scheduler.attempt-number>',
      id: '<aws.scheduler.execution-id>',
    }
    await create({ Target: { ...TARGET, Input: JSON.stringify(input) } })
    expect(scheduler.nextFiring('daily')).toBe(START + 3 * HOUR)
    await clock.advance(48 * HOUR)
    expect(delivered).toMatchObject([
      {
        arn: TARGET.Arn,
        roleArn: TARGET.RoleArn,
        input: {
          at: '2031-01-01T03:00:00Z',
          arn: 'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily',
          try: '1',
          id: expect.stringMatching(/^[\da-f]{16}$/),
        },
      },
      { input: { at: '2031-01-02T03:00:00Z' } },
    ])
  })

  test('sends a scheduled event when there is no input', async () => {
    await create()
    await clock.advance(4 * HOUR)
    expect(delivered[0]?.input).toMatchObject({
      source: 'aws.scheduler',
      'detail-type': 'Scheduled Event',
      time: '2031-01-01T03:00:00Z',
      detail: '{}',
    })
  })

  test('a rate starts at once, or at its start date, and ends with its end date', async () => {
    await create({ Name: 'now', ScheduleExpression: 'rate(1 hour)', EndDate: new Date(START + 2 * HOUR) })
    await clock.advance(HOUR / 2)
    expect(startedAt).toEqual(['2031-01-01T00:00:00.000Z'])
    await create({ Name: 'later', ScheduleExpression: 'rate(2 hours)', StartDate: new Date(START + 5 * HOUR) })
    await clock.advance(8 * HOUR)
    expect(startedAt.map((at) => at.slice(11, 13))).toEqual(['00', '01', '02', '05', '07'])
    expect(scheduler.nextFiring('now')).toBeUndefined()
  })

  test('a flexible window defers the start, the same way in every run, but not the scheduled time', async () => {
    const flexible = {
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 60 },
      Target: { ...TARGET, Input: '"<aws.scheduler.scheduled-time>"' },
    } as const
    await create(flexible)
    const first = scheduler.nextFiring('daily')!
    expect(first).toBeGreaterThan(START + 3 * HOUR)
    expect(first).toBeLessThan(START + 4 * HOUR)
    await clock.advance(24 * HOUR)
    expect(delivered.map(({ input }) => input)).toEqual(['2031-01-01T03:00:00Z'])
    start(manualClock(START))
    await create(flexible)
    expect(scheduler.nextFiring('daily')).toBe(first)
  })

  test('does not fire while disabled, after deletion, or after stop', async () => {
    await create({ State: 'DISABLED' })
    await create({ Name: 'gone' })
    await call('DeleteSchedule', { Name: 'gone' })
    await clock.advance(24 * HOUR)
    expect(delivered).toEqual([])
    await call('UpdateSchedule', settings())
    await clock.advance(24 * HOUR)
    expect(delivered).toHaveLength(1)
    scheduler.stop()
    await clock.advance(24 * HOUR)
    expect(delivered).toHaveLength(1)
  })

  test('tries again with the next attempt number, and sends what is given up to the dead-letter queue (AWS facts D.1)', async () => {
    await create({
      Target: {
        ...TARGET,
        Input: '{"try":"<aws.scheduler.attempt-number>"}',
        RetryPolicy: { MaximumRetryAttempts: 1 },
        DeadLetterConfig: { Arn: QUEUE },
      },
    })
    refusals = [new Error('down'), new Error('still down')]
    await clock.advance(4 * HOUR)
    expect(delivered.map(({ input }) => input)).toEqual([{ try: '1' }, { try: '2' }])
    expect(scheduler.undelivered).toMatchObject([{ attempts: 2, reason: 'still down', deadLetterArn: QUEUE }])
    expect(letters).toEqual([
      {
        queueArn: QUEUE,
        sourceArn: 'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily',
        roleArn: TARGET.RoleArn,
        body: '{"try":"2"}',
        attributes: {
          SCHEDULE_ARN: 'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily',
          SCHEDULED_TIME: '2031-01-01T03:00:00Z',
          EXECUTION_ID: expect.stringMatching(/^[\da-f]{16}$/),
          IS_PAYLOAD_TRUNCATED: 'false',
          TARGET_ARN: TARGET.Arn,
          ERROR_CODE: 'InternalError',
          ERROR_MESSAGE: 'still down',
          RETRY_ATTEMPTS: 1,
          EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
        },
      },
    ])
  })

  test('a one-time schedule runs once and goes when it is told to', async () => {
    await create({
      Name: 'once',
      ScheduleExpression: 'at(2031-01-01T10:00:00)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      ActionAfterCompletion: 'DELETE',
    })
    await clock.advance(24 * HOUR)
    expect(startedAt).toEqual(['2031-01-01T09:00:00.000Z'])
    await expect(call('GetSchedule', { Name: 'once' })).rejects.toThrow('Schedule once does not exist.')
  })

  test('does not make an automatic clock race through the days', async () => {
    start(autoClock(START))
    await create()
    await clock.sleep(HOUR)
    expect(clock.now()).toBe(START + HOUR)
    await clock.sleep(3 * HOUR)
    expect(delivered).toHaveLength(1)
    expect(clock.now()).toBe(START + 4 * HOUR)
  })
})

test('schedules, their next runs and their retries survive a restart, overdue ones included', async () => {
  await call('CreateScheduleGroup', { Name: 'prod', Tags: [{ Key: 'a', Value: '1' }] })
  await create({ GroupName: 'prod', ScheduleExpression: 'rate(2 hours)', StartDate: new Date(START + HOUR) })
  refusals = [new Error('down')]
  await clock.advance(HOUR)
  const saved: unknown = deserialize(serialize(scheduler.durable.save()))
  const next = scheduler.nextFiring('daily', 'prod')
  scheduler.stop()
  const before = startedAt
  start(clock)
  scheduler.durable.restore(saved)
  scheduler.durable.resume?.()
  expect(scheduler.nextFiring('daily', 'prod')).toBe(next)
  await clock.advance(3 * HOUR)
  expect([...before, ...startedAt].map((at) => at.slice(11, 19))).toEqual(['01:00:00', '01:00:01', '03:00:00'])
  const ResourceArn = 'arn:aws:scheduler:eu-west-1:123456789012:schedule-group/prod'
  expect(await call('ListTagsForResource', { ResourceArn })).toEqual({ Tags: [{ Key: 'a', Value: '1' }] })
})

describe('schedules and groups', () => {
  test('a token that is used for another request is refused; a deletion may be repeated with its token', async () => {
    await create({ ClientToken: 'a' })
    await expect(create({ ClientToken: 'a', Description: 'other' })).rejects.toMatchObject({
      code: 'ConflictException',
    })
    await remove('b')
    expect(await remove('b')).toEqual({})
    await expect(remove()).rejects.toMatchObject({ code: 'ResourceNotFoundException' })
  })

  test('groups are listed by prefix, in pages', async () => {
    for (const Name of ['b', 'a']) await call('CreateScheduleGroup', { Name })
    const first = await call<ListScheduleGroupsOutput>('ListScheduleGroups', { MaxResults: 2 })
    expect(first.ScheduleGroups?.map(({ Name }) => Name)).toEqual(['a', 'b'])
    const { NextToken } = first
    const rest = await call<ListScheduleGroupsOutput>('ListScheduleGroups', { NextToken })
    expect(rest.ScheduleGroups?.map(({ Name }) => Name)).toEqual(['default'])
  })

  test('a schedule is created once; the same token is the same request', async () => {
    const first = await create({ ClientToken: 'a' })
    expect(await create({ ClientToken: 'a' })).toEqual(first)
    await expect(create({ ClientToken: 'b' })).rejects.toMatchObject({
      code: 'ConflictException',
      message: 'Schedule daily already exists.',
    })
  })

  test('an update replaces everything', async () => {
    await create({ Description: 'old', ScheduleExpressionTimezone: 'Europe/Berlin' })
    await clock.advance(1000)
    await call('UpdateSchedule', settings({ ScheduleExpression: 'rate(1 hour)' }))
    const now = await call<GetScheduleOutput>('GetSchedule', { Name: 'daily' })
    expect(now).toMatchObject({
      ScheduleExpression: 'rate(1 hour)',
      ScheduleExpressionTimezone: 'UTC',
      State: 'ENABLED',
      GroupName: 'default',
      ActionAfterCompletion: 'NONE',
      CreationDate: new Date(START),
      LastModificationDate: new Date(START + 1000),
      Target: { RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 } },
    })
    expect(now.Description).toBeUndefined()
    await expect(call('UpdateSchedule', settings({ Name: 'none' }))).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
    })
  })

  test('a group takes its schedules with it', async () => {
    await expect(create({ GroupName: 'prod' })).rejects.toThrow('Schedule group prod does not exist.')
    expect(await call('CreateScheduleGroup', { Name: 'prod' })).toEqual({
      ScheduleGroupArn: 'arn:aws:scheduler:eu-west-1:123456789012:schedule-group/prod',
    })
    await expect(call('CreateScheduleGroup', { Name: 'prod' })).rejects.toMatchObject({ code: 'ConflictException' })
    expect(await call('GetScheduleGroup', { Name: 'prod' })).toMatchObject({ Name: 'prod', State: 'ACTIVE' })
    await create({ GroupName: 'prod' })
    await create()
    await call('DeleteScheduleGroup', { Name: 'prod' })
    const { Schedules } = await call<ListSchedulesOutput>('ListSchedules', {})
    expect(Schedules!.map(({ Arn }) => Arn)).toEqual([
      'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/daily',
    ])
    await clock.advance(24 * HOUR)
    expect(delivered).toHaveLength(1)
    await expect(call('DeleteScheduleGroup', { Name: 'default' })).rejects.toMatchObject({
      code: 'ValidationException',
    })
  })

  test('lists by prefix and state, in pages', async () => {
    for (const Name of ['c', 'a2', 'a1']) await create({ Name, State: Name === 'c' ? 'DISABLED' : 'ENABLED' })
    const first = await call<ListSchedulesOutput>('ListSchedules', { NamePrefix: 'a', MaxResults: 1 })
    const second = await call<ListSchedulesOutput>('ListSchedules', {
      NamePrefix: 'a',
      MaxResults: 1,
      NextToken: first.NextToken,
    })
    expect([...first.Schedules!, ...second.Schedules!].map(({ Name }) => Name)).toEqual(['a1', 'a2'])
    expect(second.NextToken).toBeUndefined()
    expect(
      (await call<ListSchedulesOutput>('ListSchedules', { State: 'DISABLED' })).Schedules!.map(({ Name }) => Name),
    ).toEqual(['c'])
  })

  test.each([
    [{ Name: 'a b' }, 'ValidationException'],
    [{ ScheduleExpressionTimezone: 'Mars/Olympus' }, 'ValidationException'],
    [{ ScheduleExpressionTimezone: '+01:00' }, 'ValidationException'],
    [{ FlexibleTimeWindow: { Mode: 'FLEXIBLE' } }, 'ValidationException'],
    [{ FlexibleTimeWindow: { Mode: 'OFF', MaximumWindowInMinutes: 5 } }, 'ValidationException'],
    [{ Target: { ...TARGET, RoleArn: undefined } }, 'ValidationException'],
    [{ Target: { ...TARGET, RetryPolicy: { MaximumRetryAttempts: 186 } } }, 'ValidationException'],
    [{ Target: { ...TARGET, SqsParameters: { MessageGroupId: 'x' } } }, 'NotImplemented'],
    [{ Target: { ...TARGET, Arn: `${UNIVERSAL}ec2:describeInstances` } }, 'ValidationException'],
    [{ Target: { ...TARGET, Arn: `${UNIVERSAL}sns:publish` } }, 'ValidationException'],
    [{ Target: { ...TARGET, Arn: 'arn:aws:sns:eu-west-1:123456789012:topic' } }, 'NotImplemented'],
    [{ Target: { ...TARGET, DeadLetterConfig: { Arn: `${QUEUE}.fifo` } } }, 'ValidationException'],
    [{ Target: { ...TARGET, Input: 'no JSON' } }, 'ValidationException'],
    [{ KmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/k' }, 'NotImplemented'],
    [{ StartDate: new Date(START - HOUR) }, 'ValidationException'],
    [{ EndDate: new Date(START) }, 'ValidationException'],
  ])('refuses %j', async (changes, code) => {
    await expect(create(changes as Partial<CreateScheduleInput>)).rejects.toMatchObject({ code })
  })
})
