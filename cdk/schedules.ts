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
  /** Without it nothing expires. */
  readonly expireCopies?: IStateMachine
  readonly deadLetters: IQueue
}

/** No policy can have this name: it has capitals. */
const EXPIRY = 'ExpireCopies'
/** At an hour at which few schedules of people start. */
const EXPIRY_SCHEDULE = 'cron(40 4 * * ? *)'

/** One EventBridge schedule per policy, each of which starts `protect-fleet`, and a daily one for `expire-copies`. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id)
    const stack = Stack.of(this)
    const group = new CfnScheduleGroup(this, 'Group', { name: props.deployment })
    const role = new Role(this, 'Role', {
      roleName: `${props.deployment}-schedules`,
      description: 'Tandem: schedules start protect-fleet and expire-copies',
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
    const started = [props.protectFleet, props.expireCopies].flatMap((machine) => machine?.stateMachineArn ?? [])
    role.addToPolicy(new PolicyStatement({ actions: ['states:StartExecution'], resources: started }))
    const targetOf = (machine: IStateMachine, input: object): CfnSchedule.TargetProperty => ({
      arn: machine.stateMachineArn,
      roleArn: role.roleArn,
      input: JSON.stringify(input),
      // A run that starts hours late is worth less than the next one on time.
      retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 20 },
      deadLetterConfig: { arn: props.deadLetters.queueArn },
    })
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
        target: targetOf(props.protectFleet, { policy: name, scheduledAt: '<aws.scheduler.scheduled-time>' }),
      })
      schedule.node.addDependency(group)
    }
    if (!props.expireCopies) return
    const expiry = new CfnSchedule(this, EXPIRY, {
      name: EXPIRY,
      groupName: props.deployment,
      description: 'Tandem: lets copies go that policies no longer keep',
      scheduleExpression: EXPIRY_SCHEDULE,
      flexibleTimeWindow: { mode: 'OFF' },
      target: targetOf(props.expireCopies, {}),
    })
    expiry.node.addDependency(group)
  }
}
