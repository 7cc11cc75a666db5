import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { Key, type IKey } from 'aws-cdk-lib/aws-kms'
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership, type IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { parseBucketPlace } from '../core/bucket-place.ts'
import type { DeployedVaults, PolicyFile } from '../core/contracts/policies.ts'
import { nameOf } from './names.ts'

interface VaultsProps {
  readonly deployment: string
  readonly vaults: PolicyFile['vaults']
}

/** Where the objects of a vault are, and the key that it is opened with, for permissions. */
export interface VaultAccess {
  readonly name: string
  readonly bucketArn: string
  /** Empty, or ends with `/`. */
  readonly prefix: string
  readonly keyArn: string
  readonly isOwn: boolean
}

/**
 * The vaults of the policy file. Those without a place share a bucket and a key that the deployment makes, each below its own
 * prefix. Both are kept when the stack goes: copies are for the day on which the rest is gone.
 */
export class Vaults extends Construct {
  readonly deployed: DeployedVaults
  readonly access: readonly VaultAccess[]

  constructor(scope: Construct, id: string, { deployment, vaults }: VaultsProps) {
    super(scope, id)
    const all = Object.entries(vaults)
    const own = all.some(([, { at }]) => at === undefined) ? this.#own(deployment) : undefined
    const places = all.map(([name, { at, key }]) => {
      if (at !== undefined && key !== undefined) {
        const place = parseBucketPlace(at)
        if (!place) throw new Error(`${at} of vault ${name} is no place in a bucket.`)
        const bucketArn = `arn:${Stack.of(this).partition}:s3:::${place.bucket}`
        return { name, ...place, bucketArn, key, isOwn: false }
      }
      if (!own) throw new Error(`The bucket of vault ${name} was not made.`)
      const { bucketName, bucketArn } = own.bucket
      return { name, bucket: bucketName, bucketArn, prefix: `${name}/`, key: own.key.keyArn, isOwn: true }
    })
    this.deployed = Object.fromEntries(
      places.map(({ name, bucket, prefix, key, isOwn }) => [name, { bucket, prefix, key, isOwn }]),
    )
    this.access = places.map(({ name, bucketArn, prefix, key, isOwn }) => ({
      name,
      bucketArn,
      prefix,
      keyArn: key,
      isOwn,
    }))
  }

  #own(deployment: string): { readonly bucket: IBucket; readonly key: IKey } {
    const { account, region } = Stack.of(this)
    const key = new Key(this, 'Key', {
      alias: `alias/${nameOf(deployment, 'vaults')}`,
      description: `Tandem (${deployment}): opens its vaults, and encrypts their bucket`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    const bucket = new Bucket(this, 'Bucket', {
      bucketName: `${nameOf(deployment, 'vaults')}-${account}-${region}`,
      encryption: BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      versioned: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // What expiry deleted can be brought back for a month.
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30) }],
      removalPolicy: RemovalPolicy.RETAIN,
    })
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Every object is encrypted by the mover and named by hashes; access is by few roles of this stack and shows in CloudTrail data events where a company wants them.',
    })
    return { bucket, key }
  }
}
