import type { CreateScheduleInput, GetScheduleOutput, ListSchedulesOutput } from '@aws-sdk/client-scheduler'
import { beforeEach, describe, expect, test } from 'vitest'
import { autoClock, manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import type { TargetInvocation } from '../../local/events/target.ts'
import { parseExpression } from '../../local/scheduler/expression.ts'
import { createScheduler } from '../../local/scheduler/scheduler.ts'
import type { Scheduler } from '../../local/scheduler/scheduler.ts'

const START = Date.UTC(2031, 0, 1)
const HOUR = 3_600_000
const TARGET = {
  Arn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:protect-fleet',
  RoleArn: 'arn:aws:iam::123456789012:role/schedules',
}

let clock: Clock
let scheduler: Scheduler
let delivered: TargetInvocation[]
let startedAt: string[]
let refusals: Error[]

function start(given: Clock): void {
  clock = given
  delivered = []
  startedAt = []
  refusals = []
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

/** The first times of an expression after an instant, in UTC. */
function times(expression: string, from: string, count: number, timeZone = 'UTC'): string[] {
  const parsed = parseExpression(expression, timeZone)
  const found: string[] = []
  let at: number | undefined = Date.parse(from)
  while (found.length < count && (at = parsed.next(at, Date.parse(from))) !== undefined)
    found.push(new Date(at).toISOString().slice(0, 16))
  return found
}

describe('expressions', () => {
  // 2031-01-01 is a Wednesday.
  test.each([
    ['cron(0 3 * * ? *)', ['2031-01-01T03:00', '2031-01-02T03:00']],
    ['cron(0/20 8-9 ? * MON-FRI *)', ['2031-01-01T08:00', '2031-01-01T08:20', '2031-01-01T08:40', '2031-01-01T09:00']],
    ['cron(15 10 ? * 1 *)', ['2031-01-05T10:15', '2031-01-12T10:15']],
    ['cron(0 0 L * ? *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * L *)', ['2031-01-04T00:00', '2031-01-11T00:00']],
    ['cron(0 0 ? * 6L *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * FRIL *)', ['2031-01-31T00:00', '2031-02-28T00:00']],
    ['cron(0 0 ? * 3#2 *)', ['2031-01-14T00:00', '2031-02-11T00:00']],
    ['cron(0 0 ? * MON#1 *)', ['2031-01-06T00:00', '2031-02-03T00:00']],
    ['cron(0 0 4W * ? *)', ['2031-01-03T00:00', '2031-02-04T00:00']],
    ['cron(30 12 29 FEB ? *)', ['2032-02-29T12:30', '2036-02-29T12:30']],
    ['cron(0 0 1 1 ? 2033,2035)', ['2033-01-01T00:00', '2035-01-01T00:00']],
    ['at(2031-05-06T07:08:09)', ['2031-05-06T07:08']],
    ['at(2030-05-06T07:08:09)', []],
    ['rate(90 minutes)', ['2031-01-01T01:30', '2031-01-01T03:00']],
    ['rate(1 day)', ['2031-01-02T00:00', '2031-01-03T00:00']],
  ])('%s', (expression, expected) => {
    expect(times(expression, '2031-01-01T00:00:00Z', Math.max(expected.length, 1))).toEqual(expected)
  })

  test('a wall time that spring leaves out is skipped, one that autumn repeats runs once', () => {
    // Berlin 2031: from 2:00 to 3:00 on March 30, back from 3:00 to 2:00 on October 26.
    expect(times('cron(30 2 * * ? *)', '2031-03-29T00:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2031-03-29T01:30',
      '2031-03-31T00:30',
    ])
    expect(times('cron(30 2 * * ? *)', '2031-10-25T12:00:00Z', 2, 'Europe/Berlin')).toEqual([
      '2031-10-26T00:30',
      '2031-10-27T01:30',
    ])
    expect(times('cron(0/30 2 26 10 ? 2031)', '2031-10-25T12:00:00Z', 9, 'Europe/Berlin')).toEqual([
      '2031-10-26T00:00',
      '2031-10-26T00:30',
    ])
    expect(times('at(2031-07-01T12:00:00)', '2031-01-01T00:00:00Z', 1, 'America/New_York')).toEqual([
      '2031-07-01T16:00',
    ])
  })

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

  test('tries again with the next attempt number and records what was given up', async () => {
    await create({
      Target: {
        ...TARGET,
        Input: '{"try":"<aws.scheduler.attempt-number>"}',
        RetryPolicy: { MaximumRetryAttempts: 1 },
        DeadLetterConfig: { Arn: 'arn:aws:sqs:x' },
      },
    })
    refusals = [new Error('down'), new Error('still down')]
    await clock.advance(4 * HOUR)
    expect(delivered.map(({ input }) => input)).toEqual([{ try: '1' }, { try: '2' }])
    expect(scheduler.undelivered).toMatchObject([{ attempts: 2, reason: 'still down', deadLetterArn: 'arn:aws:sqs:x' }])
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

describe('schedules and groups', () => {
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
    [{ StartDate: new Date(START - HOUR) }, 'ValidationException'],
    [{ EndDate: new Date(START) }, 'ValidationException'],
  ])('refuses %j', async (changes, code) => {
    await expect(create(changes as Partial<CreateScheduleInput>)).rejects.toMatchObject({ code })
  })
})
