import { createHash } from 'node:crypto'
import type { CreateScheduleInput, GetScheduleOutput, ScheduleSummary } from '@aws-sdk/client-scheduler'
import { DEFAULT_EVENT_AGE_SECONDS, DEFAULT_RETRY_ATTEMPTS } from '../events/target.ts'
import type { TargetInvocation } from '../events/target.ts'
import { AwsError } from '../wire/service.ts'
import { parseExpression } from './expression.ts'
import type { Expression } from './expression.ts'
import { checkUniversal, isUniversal } from './universal.ts'
import { isTimeZone } from './wall-time.ts'

export interface Schedule {
  readonly name: string
  readonly group: string
  readonly arn: string
  /** As given, with the defaults filled in. */
  readonly settings: CreateScheduleInput
  /** From where a rate counts: its start date, or its creation. */
  readonly anchorMs: number
  readonly createdMs: number
  readonly modifiedMs: number
}

const expressions = new WeakMap<Schedule, Expression>()

/** Read from the settings when it is first asked for: a schedule is plain data. */
export function expressionOf(schedule: Schedule): Expression {
  const { ScheduleExpression = '', ScheduleExpressionTimezone = 'UTC' } = schedule.settings
  const expression = expressions.get(schedule) ?? parseExpression(ScheduleExpression, ScheduleExpressionTimezone)
  expressions.set(schedule, expression)
  return expression
}

/** One run of a schedule: the time that its expression names, and when it really starts (a flexible window may defer it). */
export interface Occurrence {
  readonly scheduledMs: number
  readonly startMs: number
}

const MINUTE_MS = 60_000
/** A start date may lie this far in the past. */
const START_TOLERANCE_MS = 5 * MINUTE_MS
const DEFAULT_RETRY_POLICY = {
  MaximumEventAgeInSeconds: DEFAULT_EVENT_AGE_SECONDS,
  MaximumRetryAttempts: DEFAULT_RETRY_ATTEMPTS,
}
const NAME = /^[0-9a-zA-Z\-_.]{1,64}$/
const TARGET_PARAMETERS = new Set(['Arn', 'RoleArn', 'Input', 'RetryPolicy', 'DeadLetterConfig'])

/** Targets that need no operation to be named. */
const TEMPLATED = /^arn:aws[\w-]*:(lambda|states|sqs):(?!.*\.fifo$)/
const DEAD_LETTER = /^arn:aws[\w-]*:sqs:[^:]+:\d{12}:(?!.*\.fifo$)/

const invalid = (message: string): AwsError => new AwsError('ValidationException', message)

const notImplemented = (what: string): AwsError =>
  new AwsError('NotImplemented', `This account does not know ${what}`, { status: 501 })

/** In the words of the API's generic check, e.g. for names. */
export function checkName(member: string, value: string | undefined): string {
  if (value === undefined || !NAME.test(value))
    throw invalid(
      `1 validation error detected: Value '${value ?? ''}' at '${member}' failed to satisfy constraint: ` +
        'Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$',
    )
  return value
}

function checkWithin(member: string, value: number | undefined, low: number, high: number): void {
  if (value !== undefined && (value < low || value > high))
    throw invalid(
      `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ` +
        `Member must be between ${low} and ${high}`,
    )
}

function checkTarget(target: CreateScheduleInput['Target']): void {
  if (!target?.Arn?.startsWith('arn:')) throw invalid(`Provided Arn is not in correct format.`)
  if (!/^arn:aws[\w-]*:iam::\d{12}:role\/.+/.test(target.RoleArn ?? ''))
    throw invalid(
      `1 validation error detected: Value '${target.RoleArn ?? ''}' at 'target.roleArn' failed to satisfy constraint`,
    )
  for (const [name, value] of Object.entries(target))
    if (value !== undefined && !TARGET_PARAMETERS.has(name)) throw notImplemented(`a target's ${name}`)
  if (target.DeadLetterConfig?.Arn !== undefined && !DEAD_LETTER.test(target.DeadLetterConfig.Arn))
    throw invalid('The dead letter queue must be a standard queue of Amazon SQS.')
  checkWithin('target.retryPolicy.maximumEventAgeInSeconds', target.RetryPolicy?.MaximumEventAgeInSeconds, 60, 86_400)
  checkWithin('target.retryPolicy.maximumRetryAttempts', target.RetryPolicy?.MaximumRetryAttempts, 0, 185)
  if (isUniversal(target.Arn)) checkUniversal(target.Arn)
  else if (!TEMPLATED.test(target.Arn)) throw notImplemented(`the target ${target.Arn}`)
  // A queue takes any text.
  if (target.Input === undefined || target.Arn.includes(':sqs:')) return
  try {
    JSON.parse(target.Input)
  } catch {
    // Members of a universal target's input are not looked at before it runs (AWS facts D.1).
    throw invalid('Invalid RequestJson provided. Reason The content must be valid JSON.')
  }
}

function checkWindow(window: CreateScheduleInput['FlexibleTimeWindow']): void {
  const { Mode: mode, MaximumWindowInMinutes: minutes } = window ?? {}
  if (mode === 'OFF' && minutes !== undefined)
    throw invalid('MaximumWindowInMinutes must not be set when Flexible Time Window Mode is OFF.')
  if (mode === 'FLEXIBLE' && minutes === undefined)
    throw invalid('MaximumWindowInMinutes must be set when Flexible Time Window Mode is FLEXIBLE.')
  checkWithin('flexibleTimeWindow.maximumWindowInMinutes', minutes, 1, 1440)
}

function checkDates({ StartDate, EndDate }: CreateScheduleInput, nowMs: number): void {
  if (StartDate && StartDate.getTime() < nowMs - START_TOLERANCE_MS)
    throw invalid('The StartDate you specify cannot be earlier than 5 minutes ago.')
  if (EndDate && EndDate.getTime() <= nowMs) throw invalid('The EndDate you specify must be in the future.')
  if (StartDate && EndDate && EndDate <= StartDate)
    throw invalid('The EndDate you specify must come after the StartDate.')
}

/** Checks what CreateSchedule or UpdateSchedule gives and makes the schedule of it; an update replaces everything (AWS facts D.1). */
export function makeSchedule(
  input: CreateScheduleInput,
  place: { arn: string; nowMs: number; previous?: Schedule | undefined },
): Schedule {
  const { nowMs, previous } = place
  const timeZone = input.ScheduleExpressionTimezone ?? 'UTC'
  if (!isTimeZone(timeZone)) throw invalid(`Invalid Schedule Expression Timezone ${timeZone}.`)
  parseExpression(input.ScheduleExpression ?? '', timeZone)
  if (input.KmsKeyArn !== undefined) throw notImplemented('a KmsKeyArn')
  checkWindow(input.FlexibleTimeWindow)
  checkTarget(input.Target)
  checkDates(input, nowMs)
  const settings: CreateScheduleInput = {
    ...input,
    GroupName: input.GroupName ?? 'default',
    ScheduleExpressionTimezone: timeZone,
    State: input.State ?? 'ENABLED',
    ActionAfterCompletion: input.ActionAfterCompletion ?? 'NONE',
    Target: input.Target && { ...input.Target, RetryPolicy: { ...DEFAULT_RETRY_POLICY, ...input.Target.RetryPolicy } },
  }
  const isSameExpression = previous?.settings.ScheduleExpression === input.ScheduleExpression
  return {
    name: input.Name ?? '',
    group: input.GroupName ?? 'default',
    arn: place.arn,
    settings,
    anchorMs: input.StartDate?.getTime() ?? (previous && isSameExpression ? previous.anchorMs : nowMs),
    createdMs: previous?.createdMs ?? nowMs,
    modifiedMs: nowMs,
  }
}

const hash = (schedule: Schedule, scheduledMs: number): Buffer =>
  createHash('sha256').update(`${schedule.arn}@${scheduledMs}`).digest()

/** The first occurrence after an instant, within the dates of the schedule (which do not bound a one-time schedule). */
export function nextOccurrence(schedule: Schedule, afterMs: number): Occurrence | undefined {
  const { settings } = schedule
  const expression = expressionOf(schedule)
  const bounded = expression.kind !== 'at'
  const fromMs = bounded && settings.StartDate ? Math.max(afterMs, settings.StartDate.getTime() - 1) : afterMs
  const scheduledMs = expression.next(fromMs, schedule.anchorMs)
  if (scheduledMs === undefined) return undefined
  if (bounded && settings.EndDate && scheduledMs > settings.EndDate.getTime()) return undefined
  // AWS picks any moment of the window; here the schedule and its time decide, so that a run repeats exactly.
  const windowSeconds = (settings.FlexibleTimeWindow?.MaximumWindowInMinutes ?? 0) * 60
  const offsetSeconds = windowSeconds === 0 ? 0 : hash(schedule, scheduledMs).readUInt32BE() % windowSeconds
  return { scheduledMs, startMs: scheduledMs + offsetSeconds * 1000 }
}

/** One run's id, the same for all its attempts. */
export const executionIdOf = (schedule: Schedule, scheduledMs: number): string =>
  hash(schedule, scheduledMs).toString('hex').slice(0, 16)

export const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** `text` is JSON unless it goes to a queue. */
function invocationWith(target: { readonly arn: string; readonly roleArn: string }, text: string): TargetInvocation {
  return { ...target, text, input: target.arn.includes(':sqs:') ? text : JSON.parse(text) }
}

/**
 * What the target receives: its input with the context words replaced, or without an input a "Scheduled Event". The attempt's
 * number is filled in by `withAttempt`.
 */
export function invocationOf(
  schedule: Schedule,
  scheduledMs: number,
  place: { accountId: string; region: string },
): TargetInvocation {
  const { Arn: arn = '', Input, RoleArn: roleArn = '' } = schedule.settings.Target ?? {}
  const executionId = executionIdOf(schedule, scheduledMs)
  if (Input === undefined && isUniversal(arn)) return { arn, roleArn, input: {} }
  if (Input === undefined)
    return {
      arn,
      roleArn,
      input: {
        version: '0',
        id: executionId,
        'detail-type': 'Scheduled Event',
        source: 'aws.scheduler',
        account: place.accountId,
        time: isoSeconds(scheduledMs),
        region: place.region,
        resources: [schedule.arn],
        detail: '{}',
      },
    }
  const words: Readonly<Record<string, string>> = {
    'schedule-arn': schedule.arn,
    'scheduled-time': isoSeconds(scheduledMs),
    'execution-id': executionId,
  }
  const text = Input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (whole, word: string) => words[word] ?? whole)
  return invocationWith({ arn, roleArn }, text)
}

export function withAttempt(invocation: TargetInvocation, attempt: number): TargetInvocation {
  const { arn, roleArn = '', text } = invocation
  if (text === undefined) return invocation
  return invocationWith({ arn, roleArn }, text.replaceAll('<aws.scheduler.attempt-number>', String(attempt)))
}

export function described(schedule: Schedule): GetScheduleOutput {
  const { ClientToken: _, ...settings } = schedule.settings
  return {
    ...settings,
    Arn: schedule.arn,
    CreationDate: new Date(schedule.createdMs),
    LastModificationDate: new Date(schedule.modifiedMs),
  }
}

export const summarised = (schedule: Schedule): ScheduleSummary => ({
  Arn: schedule.arn,
  Name: schedule.name,
  GroupName: schedule.group,
  State: schedule.settings.State,
  CreationDate: new Date(schedule.createdMs),
  LastModificationDate: new Date(schedule.modifiedMs),
  Target: { Arn: schedule.settings.Target?.Arn },
})
