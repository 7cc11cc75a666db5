import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { nameOf } from './names.ts'

interface DeadLettersProps {
  readonly deployment: string
  readonly key: IKey
}

/** What EventBridge and Scheduler could not deliver. A message here is a schedule that did not run, or a wait that ended late. */
export class DeadLetters extends Queue {
  constructor(scope: Construct, id: string, props: DeadLettersProps) {
    super(scope, id, {
      queueName: nameOf(props.deployment, 'dead-letters'),
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: props.key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.DESTROY,
    })
    // Rules have no role: without this, EventBridge could not encrypt what it puts here, and would drop it.
    props.key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'DeadLettersOfRules',
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    )
    Validations.of(this).acknowledge({ id: 'AwsSolutions-SQS3', reason: 'This is the dead-letter queue.' })
  }
}
