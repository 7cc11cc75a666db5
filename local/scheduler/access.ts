/** What IAM is asked before an operation of EventBridge Scheduler runs (Service Authorization Reference). */
import type {
  CreateScheduleGroupInput,
  CreateScheduleInput,
  ListTagsForResourceInput,
  TagResourceInput,
  UntagResourceInput,
  UpdateScheduleInput,
} from '@aws-sdk/client-scheduler'
import { anyResource, passRole, request, requestTags, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'

const PASSED_TO = 'scheduler.amazonaws.com'

interface Named {
  readonly Name?: string
  readonly GroupName?: string
}

const arnOf = ({ region, accountId }: Caller, resource: string): string =>
  `arn:aws:scheduler:${region}:${accountId}:${resource}`

const scheduleArn = (caller: Caller, { Name = '*', GroupName = 'default' }: Named): string =>
  arnOf(caller, `schedule/${GroupName}/${Name}`)

/** A schedule acts by its target's role: who makes it must be allowed to hand that over. */
const writing =
  (action: string): AccessOf =>
  (input: CreateScheduleInput | UpdateScheduleInput, caller): AccessRequest[] => {
    const roleArn = input.Target?.RoleArn
    return [
      request(`scheduler:${action}`, scheduleArn(caller, input)),
      ...(roleArn ? [passRole(roleArn, PASSED_TO)] : []),
    ]
  }

const onSchedule =
  (action: string): AccessOf =>
  (input: Named, caller) => [request(`scheduler:${action}`, scheduleArn(caller, input))]

const onGroup =
  (action: string): AccessOf =>
  ({ Name = '*', Tags }: Named & Pick<CreateScheduleGroupInput, 'Tags'>, caller) => [
    request(`scheduler:${action}`, arnOf(caller, `schedule-group/${Name}`), requestTags(Tags)),
  ]

export const schedulerAccess: AccessMap = {
  CreateSchedule: writing('CreateSchedule'),
  UpdateSchedule: writing('UpdateSchedule'),
  GetSchedule: onSchedule('GetSchedule'),
  DeleteSchedule: onSchedule('DeleteSchedule'),
  ListSchedules: anyResource('scheduler:ListSchedules'),
  CreateScheduleGroup: onGroup('CreateScheduleGroup'),
  GetScheduleGroup: onGroup('GetScheduleGroup'),
  DeleteScheduleGroup: onGroup('DeleteScheduleGroup'),
  ListTagsForResource: ({ ResourceArn = '*' }: ListTagsForResourceInput) => [
    request('scheduler:ListTagsForResource', ResourceArn),
  ],
  TagResource: ({ ResourceArn = '*', Tags }: TagResourceInput) => [
    request('scheduler:TagResource', ResourceArn, requestTags(Tags)),
  ],
  UntagResource: ({ ResourceArn = '*', TagKeys = [] }: UntagResourceInput) => [
    request('scheduler:UntagResource', ResourceArn, { 'aws:TagKeys': TagKeys }),
  ],
  ListScheduleGroups: anyResource('scheduler:ListScheduleGroups'),
}
