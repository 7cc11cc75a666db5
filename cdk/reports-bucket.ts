import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { nameOf } from './names.ts'

interface ReportsBucketProps {
  readonly deployment: string
  readonly key: IKey
}

/** Machine lists and run reports of `protect-fleet`: too long for a state's input, and of no use after a few weeks. */
export class ReportsBucket extends Bucket {
  constructor(scope: Construct, id: string, props: ReportsBucketProps) {
    const { account, region } = Stack.of(scope)
    super(scope, id, {
      bucketName: `${nameOf(props.deployment, 'reports')}-${account}-${region}`,
      encryption: BucketEncryption.KMS,
      encryptionKey: props.key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: RemovalPolicy.RETAIN,
    })
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Holds lists of instance ids for 30 days; access is by two roles of this stack and shows in CloudTrail data events where a company wants them.',
    })
  }
}
