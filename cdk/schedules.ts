import { ArnFormat, Stack } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import type { Policy } from '../core/contracts/policies.ts'
import { sendDeadLetters } from './permissions.ts'

interface SchedulesProps {
  readonly deployment: string
  readonly policies: Readonly<Record<string, Policy>>
  readonly protectFleet: IStateMachine
  readonly deadLetters: IQueue
}

/** One EventBridge schedule per policy, each of which starts `protect-fleet`. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id)
    const stack = Stack.of(this)
    const group = new CfnScheduleGroup(this, 'Group', { name: props.deployment })
    const role = new Role(this, 'Role', {
      roleName: `${props.deployment}-schedules`,
      description: 'Tandem: schedules start protect-fleet',
      // The source is the group, not the schedule (AWS facts D.1).
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: {
            'aws:SourceAccount': stack.account,
            'aws:SourceArn': stack.formatArn({
              service: 'scheduler',
              resource: 'schedule-group',
              resourceName: props.deployment,
              arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
            }),
          },
        },
      }),
    })
    role.addToPolicy(
      new PolicyStatement({ actions: ['states:StartExecution'], resources: [props.protectFleet.stateMachineArn] }),
    )
    for (const statement of sendDeadLetters(props.deadLetters)) role.addToPolicy(statement)
    for (const [name, policy] of Object.entries(props.policies)) {
      const schedule = new CfnSchedule(this, `Policy-${name}`, {
        name,
        groupName: props.deployment,
        description: `Tandem: protects every machine tagged tandem:policy=${name}`,
        scheduleExpression: policy.schedule,
        scheduleExpressionTimezone: policy.timeZone,
        flexibleTimeWindow:
          policy.spreadMinutes > 0
            ? { mode: 'FLEXIBLE', maximumWindowInMinutes: policy.spreadMinutes }
            : { mode: 'OFF' },
        target: {
          arn: props.protectFleet.stateMachineArn,
          roleArn: role.roleArn,
          input: JSON.stringify({ policy: name, scheduledAt: '<aws.scheduler.scheduled-time>' }),
          // A run that starts hours late is worth less than the next one on time.
          retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 20 },
          deadLetterConfig: { arn: props.deadLetters.queueArn },
        },
      })
      schedule.node.addDependency(group)
    }
  }
}
