/**
 * Schedules and their firings. Firings are background timers: a daily schedule alone does not make an automatic clock race
 * through the days, but none is missed when time passes it.
 */
import type {
  CreateScheduleInput,
  DeleteScheduleGroupInput,
  DeleteScheduleInput,
  ListSchedulesInput,
  ListSchedulesOutput,
  UpdateScheduleInput,
} from '@aws-sdk/client-scheduler'
import type { Cancel, Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import { Deliveries } from '../events/delivery.ts'
import type { Deliver, SendDeadLetter } from '../events/target.ts'
import { AwsError } from '../wire/service.ts'
import type { MayAssume } from '../wire/service.ts'
import { Groups, conflict, missing, pageOf } from './groups.ts'
import type { Group } from './groups.ts'
import {
  checkName,
  executionIdOf,
  expressionOf,
  invocationOf,
  isoSeconds,
  makeSchedule,
  nextOccurrence,
  summarised,
  withAttempt,
} from './schedule.ts'
import type { Occurrence, Schedule } from './schedule.ts'

export interface SchedulerOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly deliver: Deliver
  /** Without it dead letters are lost. */
  readonly sendDeadLetter?: SendDeadLetter
  /** Asked about the role of a target; without it every role is good. */
  readonly mayAssume?: MayAssume
}

interface Armed {
  schedule: Schedule
  next: Occurrence | undefined
}

/** What is kept over a restart. */
interface Saved {
  readonly groups: ReadonlyMap<string, Group>
  readonly schedules: ReadonlyMap<string, Armed>
  readonly deletions: ReadonlyMap<string, string>
  readonly deliveries: unknown
}

const withoutToken = ({ ClientToken: _token, ...settings }: CreateScheduleInput): string => JSON.stringify(settings)

/** Schedules, and the timers that fire them. */
export class Schedules {
  readonly deliveries: Deliveries
  readonly groups: Groups
  readonly #options: SchedulerOptions
  /** By `group/name`. */
  readonly #schedules = new Map<string, Armed>()
  /** Client tokens of deletions, by `group/name`: the same request again succeeds. */
  readonly #deletions = new Map<string, string>()
  readonly #timers = new Map<Armed, Cancel>()

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.groups = new Groups(options)
    this.deliveries = new Deliveries({ ...options, prepare: withAttempt })
  }

  create(input: CreateScheduleInput): { ScheduleArn: string } {
    const { name, group, key } = this.#keyOf(input.Name, input.GroupName)
    const { accountId, clock, region } = this.#options
    const arn = `arn:aws:scheduler:${region}:${accountId}:schedule/${group}/${name}`
    const existing = this.#schedules.get(key)?.schedule
    const isRepeated =
      existing && input.ClientToken !== undefined && existing.settings.ClientToken === input.ClientToken
    if (existing && !isRepeated) throw conflict(`Schedule ${name}`)
    const schedule = makeSchedule(input, { arn, nowMs: existing?.createdMs ?? clock.now() })
    // The same token is the same request again, and must be.
    if (existing && withoutToken(existing.settings) !== withoutToken(schedule.settings))
      throw new AwsError('ConflictException', 'The client token was used for another request.', { status: 409 })
    if (!existing) {
      this.#checkTrust(schedule)
      this.#arm(key, schedule)
    }
    return { ScheduleArn: arn }
  }

  update(input: UpdateScheduleInput): { ScheduleArn: string } {
    const { name, group, key } = this.#keyOf(input.Name, input.GroupName)
    const previous = this.#get(name, group).schedule
    const schedule = makeSchedule(input, { arn: previous.arn, nowMs: this.#options.clock.now(), previous })
    this.#checkTrust(schedule)
    this.#arm(key, schedule)
    return { ScheduleArn: schedule.arn }
  }

  get(name: string | undefined, group: string | undefined): Armed {
    const place = this.#keyOf(name, group)
    return this.#get(place.name, place.group)
  }

  delete({ Name, GroupName, ClientToken }: DeleteScheduleInput): object {
    const { name, group, key } = this.#keyOf(Name, GroupName)
    const armed = this.#schedules.get(key)
    if (!armed && ClientToken !== undefined && this.#deletions.get(key) === ClientToken) return {}
    this.#disarm(this.#get(name, group))
    this.#schedules.delete(key)
    if (ClientToken !== undefined) this.#deletions.set(key, ClientToken)
    return {}
  }

  list(input: ListSchedulesInput): ListSchedulesOutput {
    if (input.GroupName !== undefined) this.groups.get(input.GroupName)
    const found = [...this.#schedules.values()].filter(
      ({ schedule }) =>
        schedule.group === (input.GroupName ?? schedule.group) &&
        schedule.name.startsWith(input.NamePrefix ?? '') &&
        schedule.settings.State === (input.State ?? schedule.settings.State),
    )
    const { page, next } = pageOf(found, ({ schedule: { group, name } }) => `${group}/${name}`, input)
    return { Schedules: page.map(({ schedule }) => summarised(schedule)), ...next }
  }

  /** Deletes a group with its schedules, at once: AWS shows the group as DELETING for some minutes. */
  deleteGroup(input: DeleteScheduleGroupInput): object {
    const { name } = this.groups.get(input.Name ?? '')
    this.groups.delete(name)
    for (const [key, armed] of this.#schedules) {
      if (armed.schedule.group !== name) continue
      this.#disarm(armed)
      this.#schedules.delete(key)
    }
    return {}
  }

  get durable(): Durable {
    return {
      name: 'scheduler',
      save: (): Saved => ({
        groups: this.groups.save(),
        schedules: this.#schedules,
        deletions: this.#deletions,
        deliveries: this.deliveries.save(),
      }),
      restore: (saved) => {
        const { groups, schedules, deletions, deliveries } = saved as Saved
        this.groups.restore(groups)
        for (const [key, armed] of schedules) this.#schedules.set(key, armed)
        for (const [key, token] of deletions) this.#deletions.set(key, token)
        this.deliveries.restore(deliveries)
      },
      resume: () => {
        for (const armed of this.#schedules.values()) this.#startTimer(armed)
        this.deliveries.resume()
      },
    }
  }

  stop(): void {
    for (const armed of this.#schedules.values()) this.#disarm(armed)
    this.deliveries.stop()
  }

  #keyOf(givenName: string | undefined, givenGroup = 'default'): { name: string; group: string; key: string } {
    const name = checkName('name', givenName)
    const group = this.groups.get(givenGroup).name
    return { name, group, key: `${group}/${name}` }
  }

  #get(name: string, group: string): Armed {
    const armed = this.#schedules.get(`${group}/${name}`)
    if (!armed) throw missing(`Schedule ${name}`)
    return armed
  }

  /** The source is the group (AWS facts D.1). The words are from memory. */
  #checkTrust({ group, settings: { Target } }: Schedule): void {
    const { accountId, region, mayAssume } = this.#options
    const groupArn = `arn:aws:scheduler:${region}:${accountId}:schedule-group/${group}`
    if (mayAssume?.(Target?.RoleArn ?? '', groupArn) ?? true) return
    throw new AwsError(
      'ValidationException',
      'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.',
    )
  }

  #disarm(armed: Armed): void {
    this.#timers.get(armed)?.()
    this.#timers.delete(armed)
  }

  #arm(key: string, schedule: Schedule): void {
    const earlier = this.#schedules.get(key)
    if (earlier) this.#disarm(earlier)
    const armed: Armed = { schedule, next: undefined }
    this.#schedules.set(key, armed)
    if (schedule.settings.State === 'DISABLED') return
    const nowMs = this.#options.clock.now()
    // A rate runs at once when it is made; a wall time that is just now has begun already.
    this.#await(armed, expressionOf(schedule).kind === 'rate' ? nowMs - 1 : nowMs)
  }

  #await(armed: Armed, afterMs: number): void {
    const { schedule } = armed
    armed.next = nextOccurrence(schedule, afterMs)
    this.#startTimer(armed)
    const isOver = armed.next === undefined && afterMs > schedule.modifiedMs
    if (isOver && schedule.settings.ActionAfterCompletion === 'DELETE')
      this.#schedules.delete(`${schedule.group}/${schedule.name}`)
  }

  #startTimer(armed: Armed): void {
    const { clock } = this.#options
    const { next } = armed
    this.#timers.delete(armed)
    if (!next) return
    const fire = (): void => this.#fire(armed, next)
    this.#timers.set(armed, clock.after(next.startMs - clock.now(), fire, { background: true }))
  }

  #fire(armed: Armed, { scheduledMs }: Occurrence): void {
    const { schedule } = armed
    const { DeadLetterConfig, RetryPolicy } = schedule.settings.Target ?? {}
    this.deliveries.start({
      sourceArn: schedule.arn,
      invocation: invocationOf(schedule, scheduledMs, this.#options),
      maximumRetryAttempts: RetryPolicy?.MaximumRetryAttempts,
      maximumEventAgeSeconds: RetryPolicy?.MaximumEventAgeInSeconds,
      deadLetterArn: DeadLetterConfig?.Arn,
      letter: {
        SCHEDULE_ARN: schedule.arn,
        SCHEDULED_TIME: isoSeconds(scheduledMs),
        EXECUTION_ID: executionIdOf(schedule, scheduledMs),
        IS_PAYLOAD_TRUNCATED: 'false',
      },
    })
    this.#await(armed, scheduledMs)
  }
}
