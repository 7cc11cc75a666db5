/** EventBridge Scheduler of the embedded account. */
import type {
  CreateScheduleGroupInput,
  CreateScheduleInput,
  DeleteScheduleGroupInput,
  DeleteScheduleInput,
  GetScheduleGroupInput,
  GetScheduleInput,
  ListScheduleGroupsInput,
  ListSchedulesInput,
  ListTagsForResourceInput,
  TagResourceInput,
  UntagResourceInput,
  UpdateScheduleInput,
} from '@aws-sdk/client-scheduler'
import type { Durable } from '../durability.ts'
import type { Undelivered } from '../events/target.ts'
import type { Operations, Service } from '../wire/service.ts'
import { schedulerAccess } from './access.ts'
import { described as describedGroup } from './groups.ts'
import { described } from './schedule.ts'
import { Schedules, type SchedulerOptions } from './schedules.ts'

export interface Scheduler {
  /** `client-scheduler`: schedules and their groups. */
  readonly service: Service
  readonly durable: Durable
  /** When a schedule starts its target next, in milliseconds of virtual time; undefined if it does not. */
  nextFiring(name: string, group?: string): number | undefined
  /** What targets did not take within their retry policy; newest last, bounded. */
  readonly undelivered: readonly Undelivered[]
  /** Nothing fires any more. */
  stop(): void
}

const operationsOf = (schedules: Schedules): Operations => ({
  CreateSchedule: (input: CreateScheduleInput) => schedules.create(input),
  UpdateSchedule: (input: UpdateScheduleInput) => schedules.update(input),
  GetSchedule: (input: GetScheduleInput) => described(schedules.get(input.Name, input.GroupName).schedule),
  DeleteSchedule: (input: DeleteScheduleInput) => schedules.delete(input),
  ListSchedules: (input: ListSchedulesInput) => schedules.list(input),
  CreateScheduleGroup: (input: CreateScheduleGroupInput) => schedules.groups.create(input),
  GetScheduleGroup: (input: GetScheduleGroupInput) => describedGroup(schedules.groups.get(input.Name ?? '')),
  ListScheduleGroups: (input: ListScheduleGroupsInput) => schedules.groups.list(input),
  DeleteScheduleGroup: (input: DeleteScheduleGroupInput) => schedules.deleteGroup(input),
  ListTagsForResource: ({ ResourceArn }: ListTagsForResourceInput) => ({
    Tags: [...schedules.groups.tagsOf(ResourceArn)].map(([Key, Value]) => ({ Key, Value })),
  }),
  TagResource({ ResourceArn, Tags = [] }: TagResourceInput) {
    const tags = schedules.groups.tagsOf(ResourceArn)
    for (const { Key = '', Value = '' } of Tags) tags.set(Key, Value)
    return {}
  },
  UntagResource({ ResourceArn, TagKeys = [] }: UntagResourceInput) {
    const tags = schedules.groups.tagsOf(ResourceArn)
    for (const key of TagKeys) tags.delete(key)
    return {}
  },
})

export function createScheduler(options: SchedulerOptions): Scheduler {
  const schedules = new Schedules(options)
  return {
    service: {
      sdk: () => import('@aws-sdk/client-scheduler'),
      clientName: 'SchedulerClient',
      signingName: 'scheduler',
      operations: operationsOf(schedules),
      access: schedulerAccess,
    },
    durable: schedules.durable,
    nextFiring: (name, group) => schedules.get(name, group).next?.startMs,
    undelivered: schedules.deliveries.undelivered,
    stop: () => schedules.stop(),
  }
}
