import { Duration } from 'aws-cdk-lib'
import { Rule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { nameOf } from './names.ts'

interface WakeRulesProps {
  readonly deployment: string
  readonly wakeWaits: IFunction
  readonly deadLetters: IQueue
}

/** The events that end waits (AWS facts A.18, D.3). They carry no tags, so those of foreign resources come too and find no waiter. */
export class WakeRules extends Construct {
  constructor(scope: Construct, id: string, props: WakeRulesProps) {
    super(scope, id)
    const patterns = {
      snapshots: { source: ['aws.ec2'], detailType: ['EBS Multi-Volume Snapshots Completion Status'] },
      'single-snapshots': {
        source: ['aws.ec2'],
        detailType: ['EBS Snapshot Notification'],
        detail: { event: ['createSnapshot'] },
      },
      volumes: { source: ['aws.ec2'], detailType: ['EBS Volume Notification'], detail: { event: ['createVolume'] } },
      instances: {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification'],
        detail: { state: ['running', 'stopped', 'terminated'] },
      },
      commands: { source: ['aws.ssm'], detailType: ['EC2 Command Invocation Status-change Notification'] },
    }
    for (const [name, eventPattern] of Object.entries(patterns)) {
      new Rule(this, name, {
        ruleName: nameOf(props.deployment, `wake-on-${name}`),
        description: 'Tandem: ends the waits of its state machines',
        eventPattern,
        targets: [
          new LambdaFunction(props.wakeWaits, {
            deadLetterQueue: props.deadLetters,
            // Each wait looks again by itself: an old event is of no use.
            maxEventAge: Duration.minutes(15),
            retryAttempts: 8,
          }),
        ],
      })
    }
  }
}
