/**
 * EventBridge Scheduler of the embedded account. Firings are background timers: a daily schedule alone does not make an
 * automatic clock race through the days, but none is missed when time passes it.
 */
import * as sdk from '@aws-sdk/client-scheduler'
import type {
  CreateScheduleGroupInput,
  CreateScheduleInput,
  DeleteScheduleGroupInput,
  DeleteScheduleInput,
  GetScheduleGroupInput,
  GetScheduleGroupOutput,
  GetScheduleInput,
  ListSchedulesInput,
  ListSchedulesOutput,
  UpdateScheduleInput,
} from '@aws-sdk/client-scheduler'
import type { Cancel, Clock } from '../clock.ts'
import { Deliveries } from '../events/delivery.ts'
import type { Deliver, Undelivered } from '../events/target.ts'
import { AwsError } from '../wire/service.ts'
import type { Operations, Service } from '../wire/service.ts'
import { schedulerAccess } from './access.ts'
import { checkName, described, invocationOf, makeSchedule, nextOccurrence, summarised } from './schedule.ts'
import type { Occurrence, Schedule } from './schedule.ts'

export interface Scheduler {
  /** `client-scheduler`: schedules and their groups. */
  readonly service: Service
  /** When a schedule starts its target next, in milliseconds of virtual time; undefined if it does not. */
  nextFiring(name: string, group?: string): number | undefined
  /** What targets did not take within their retry policy; newest last, bounded. */
  readonly undelivered: readonly Undelivered[]
  /** Nothing fires any more. */
  stop(): void
}

export interface SchedulerOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly deliver: Deliver
}

interface Group {
  readonly name: string
  readonly createdMs: number
  readonly clientToken?: string | undefined
}

interface Armed {
  schedule: Schedule
  next: Occurrence | undefined
  cancel: Cancel | undefined
}

/** AWS facts D.1. */
const GROUP_LIMIT = 500
const PAGE_SIZE = 100

const missing = (what: string): AwsError =>
  new AwsError('ResourceNotFoundException', `${what} does not exist.`, { status: 404 })
const conflict = (what: string): AwsError =>
  new AwsError('ConflictException', `${what} already exists.`, { status: 409 })

class SchedulerState {
  readonly deliveries: Deliveries
  readonly #options: SchedulerOptions
  readonly #groups = new Map<string, Group>()
  /** By `group/name`. */
  readonly #schedules = new Map<string, Armed>()

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.deliveries = new Deliveries(options.clock, options.deliver)
    this.#groups.set('default', { name: 'default', createdMs: options.clock.now() })
  }

  create(input: CreateScheduleInput): { ScheduleArn: string } {
    const { name, group, key } = this.#keyOf(input.Name, input.GroupName)
    const existing = this.#schedules.get(key)
    // The same token is the same request again.
    if (existing && input.ClientToken !== undefined && existing.schedule.settings.ClientToken === input.ClientToken)
      return { ScheduleArn: existing.schedule.arn }
    if (existing) throw conflict(`Schedule ${name}`)
    const schedule = makeSchedule(input, {
      arn: this.#arn(`schedule/${group}/${name}`),
      nowMs: this.#options.clock.now(),
    })
    this.#arm(key, schedule)
    return { ScheduleArn: schedule.arn }
  }

  update(input: UpdateScheduleInput): { ScheduleArn: string } {
    const { name, group, key } = this.#keyOf(input.Name, input.GroupName)
    const previous = this.#get(name, group).schedule
    const schedule = makeSchedule(input, { arn: previous.arn, nowMs: this.#options.clock.now(), previous })
    this.#arm(key, schedule)
    return { ScheduleArn: schedule.arn }
  }

  get(name: string | undefined, group: string | undefined): Armed {
    const place = this.#keyOf(name, group)
    return this.#get(place.name, place.group)
  }

  delete(input: DeleteScheduleInput): object {
    const { name, group, key } = this.#keyOf(input.Name, input.GroupName)
    this.#get(name, group).cancel?.()
    this.#schedules.delete(key)
    return {}
  }

  list(input: ListSchedulesInput): ListSchedulesOutput {
    if (input.GroupName !== undefined) this.#group(input.GroupName)
    const after = input.NextToken === undefined ? '' : Buffer.from(input.NextToken, 'base64url').toString()
    const left = [...this.#schedules.entries()]
      .filter(
        ([key, { schedule }]) =>
          key > after &&
          schedule.group === (input.GroupName ?? schedule.group) &&
          schedule.name.startsWith(input.NamePrefix ?? '') &&
          schedule.settings.State === (input.State ?? schedule.settings.State),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const page = left.slice(0, Math.min(input.MaxResults ?? PAGE_SIZE, PAGE_SIZE))
    const lastKey = page.at(-1)?.[0]
    return {
      Schedules: page.map(([, { schedule }]) => summarised(schedule)),
      ...(lastKey !== undefined && page.length < left.length
        ? { NextToken: Buffer.from(lastKey).toString('base64url') }
        : {}),
    }
  }

  createGroup(input: CreateScheduleGroupInput): { ScheduleGroupArn: string } {
    const name = checkName('name', input.Name)
    const existing = this.#groups.get(name)
    if (existing && (input.ClientToken === undefined || existing.clientToken !== input.ClientToken))
      throw conflict(`Schedule group ${name}`)
    if (!existing && this.#groups.size >= GROUP_LIMIT)
      throw new AwsError('ServiceQuotaExceededException', 'The request exceeds the quota of schedule groups.', {
        status: 402,
      })
    if (!existing)
      this.#groups.set(name, { name, createdMs: this.#options.clock.now(), clientToken: input.ClientToken })
    return { ScheduleGroupArn: this.#arn(`schedule-group/${name}`) }
  }

  getGroup(input: GetScheduleGroupInput): GetScheduleGroupOutput {
    const { name, createdMs } = this.#group(input.Name ?? '')
    const date = new Date(createdMs)
    return {
      Arn: this.#arn(`schedule-group/${name}`),
      Name: name,
      State: 'ACTIVE',
      CreationDate: date,
      LastModificationDate: date,
    }
  }

  /** Deletes a group with its schedules, at once: AWS shows the group as DELETING for some minutes. */
  deleteGroup(input: DeleteScheduleGroupInput): object {
    const { name } = this.#group(input.Name ?? '')
    if (name === 'default') throw new AwsError('ValidationException', 'The default schedule group cannot be deleted.')
    for (const { schedule } of this.#schedules.values())
      if (schedule.group === name) this.delete({ Name: schedule.name, GroupName: name })
    this.#groups.delete(name)
    return {}
  }

  stop(): void {
    for (const armed of this.#schedules.values()) armed.cancel?.()
  }

  #arn(resource: string): string {
    return `arn:aws:scheduler:${this.#options.region}:${this.#options.accountId}:${resource}`
  }

  #keyOf(givenName: string | undefined, givenGroup = 'default'): { name: string; group: string; key: string } {
    const name = checkName('name', givenName)
    const group = this.#group(givenGroup).name
    return { name, group, key: `${group}/${name}` }
  }

  #group(name: string): Group {
    const group = this.#groups.get(checkName('groupName', name))
    if (!group) throw missing(`Schedule group ${name}`)
    return group
  }

  #get(name: string, group: string): Armed {
    const armed = this.#schedules.get(`${group}/${name}`)
    if (!armed) throw missing(`Schedule ${name}`)
    return armed
  }

  #arm(key: string, schedule: Schedule): void {
    this.#schedules.get(key)?.cancel?.()
    const armed: Armed = { schedule, next: undefined, cancel: undefined }
    this.#schedules.set(key, armed)
    if (schedule.settings.State === 'DISABLED') return
    const nowMs = this.#options.clock.now()
    // A rate runs at once when it is made; a wall time that is just now has begun already.
    this.#await(armed, schedule.expression.kind === 'rate' ? nowMs - 1 : nowMs)
  }

  #await(armed: Armed, afterMs: number): void {
    const { clock } = this.#options
    const next = nextOccurrence(armed.schedule, afterMs)
    armed.next = next
    armed.cancel = next && clock.after(next.startMs - clock.now(), () => this.#fire(armed, next), { background: true })
    if (!next && armed.schedule.settings.ActionAfterCompletion === 'DELETE' && afterMs > armed.schedule.modifiedMs)
      this.#schedules.delete(`${armed.schedule.group}/${armed.schedule.name}`)
  }

  #fire(armed: Armed, { scheduledMs }: Occurrence): void {
    const { schedule } = armed
    const { DeadLetterConfig, RetryPolicy } = schedule.settings.Target ?? {}
    this.deliveries.start({
      sourceArn: schedule.arn,
      invocation: (attempt) => invocationOf(schedule, scheduledMs, attempt, this.#options),
      maximumRetryAttempts: RetryPolicy?.MaximumRetryAttempts,
      maximumEventAgeSeconds: RetryPolicy?.MaximumEventAgeInSeconds,
      deadLetterArn: DeadLetterConfig?.Arn,
    })
    this.#await(armed, scheduledMs)
  }
}

const operationsOf = (state: SchedulerState): Operations => ({
  CreateSchedule: (input: CreateScheduleInput) => state.create(input),
  UpdateSchedule: (input: UpdateScheduleInput) => state.update(input),
  GetSchedule: (input: GetScheduleInput) => described(state.get(input.Name, input.GroupName).schedule),
  DeleteSchedule: (input: DeleteScheduleInput) => state.delete(input),
  ListSchedules: (input: ListSchedulesInput) => state.list(input),
  CreateScheduleGroup: (input: CreateScheduleGroupInput) => state.createGroup(input),
  GetScheduleGroup: (input: GetScheduleGroupInput) => state.getGroup(input),
  DeleteScheduleGroup: (input: DeleteScheduleGroupInput) => state.deleteGroup(input),
})

export function createScheduler(options: SchedulerOptions): Scheduler {
  const state = new SchedulerState(options)
  return {
    service: { sdk, clientName: 'SchedulerClient', operations: operationsOf(state), access: schedulerAccess },
    nextFiring: (name, group) => state.get(name, group).next?.startMs,
    undelivered: state.deliveries.undelivered,
    stop: () => state.stop(),
  }
}
