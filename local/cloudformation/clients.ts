import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { EC2Client } from '@aws-sdk/client-ec2'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { IAMClient } from '@aws-sdk/client-iam'
import { KMSClient } from '@aws-sdk/client-kms'
import { S3Client } from '@aws-sdk/client-s3'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { SFNClient } from '@aws-sdk/client-sfn'
import { SQSClient } from '@aws-sdk/client-sqs'

export interface DeploymentClients {
  readonly dynamodb: DynamoDBClient
  readonly ec2: EC2Client
  readonly events: EventBridgeClient
  readonly iam: IAMClient
  readonly kms: KMSClient
  readonly s3: S3Client
  readonly scheduler: SchedulerClient
  readonly sfn: SFNClient
  readonly sqs: SQSClient
}

/** Clients of one who deploys: over the wire, like anybody else. */
export function deploymentClients(settings: {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}): DeploymentClients {
  return {
    dynamodb: new DynamoDBClient(settings),
    ec2: new EC2Client(settings),
    events: new EventBridgeClient(settings),
    iam: new IAMClient(settings),
    kms: new KMSClient(settings),
    s3: new S3Client(settings),
    scheduler: new SchedulerClient(settings),
    sfn: new SFNClient(settings),
    sqs: new SQSClient(settings),
  }
}
