import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { EC2Client } from '@aws-sdk/client-ec2'
import { S3Client } from '@aws-sdk/client-s3'
import { SFNClient } from '@aws-sdk/client-sfn'
import { SSMClient } from '@aws-sdk/client-ssm'

/** SDK clients with the SDK's usual settings for credentials, Region and endpoint. Making one opens no connection. */
export interface Clients {
  readonly ec2: EC2Client
  /**
   * For calls without a client token: the SDK repeats a call whose answer was lost, which would do its work twice. Whoever uses
   * this one looks for what was made before asking again.
   */
  readonly ec2Once: EC2Client
  readonly dynamodb: DynamoDBClient
  readonly s3: S3Client
  readonly sfn: SFNClient
  readonly ssm: SSMClient
}

export const awsClients = (): Clients => ({
  ec2: new EC2Client({}),
  ec2Once: new EC2Client({ maxAttempts: 1 }),
  dynamodb: new DynamoDBClient({}),
  s3: new S3Client({}),
  sfn: new SFNClient({}),
  ssm: new SSMClient({}),
})
