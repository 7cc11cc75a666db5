import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { openBucketStore, type BucketStoreOptions } from '../../aws/vault-bucket.ts'
import type { ObjectStore } from '../../core/vault-store.ts'
import { settingsOf } from '../../demo/tandem.ts'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'

/** 2026-11-23 10:00 UTC. */
const STARTED_AT_MS = Date.UTC(2026, 10, 23, 10)

export interface BucketOptions {
  readonly versioned?: boolean
  /** Object Lock with a default retention of so many days (COMPLIANCE). */
  readonly lockedDays?: number
}

type Statement = Readonly<Record<string, unknown>>

/** An account with buckets for vaults, keys for them, and roles that may do little. */
export interface VaultAccount {
  readonly account: Account
  readonly s3: S3Client
  /** Of a client that calls as administrator. */
  readonly settings: { readonly endpoint: string; readonly region: string }
  /** Makes a bucket and returns its name. */
  bucket(options?: BucketOptions): Promise<string>
  /** Makes a KMS key and returns its ARN. */
  key(alias?: string): Promise<string>
  /** From now on this process calls as a new role that may do this and nothing else; without statements as administrator. */
  actAs(...may: Statement[]): Promise<void>
  /** The store of the product, by the account's clock. */
  store(bucket: string, prefix: string, options?: BucketStoreOptions): Promise<ObjectStore>
  close(): Promise<void>
}

export async function startVaultAccount(): Promise<VaultAccount> {
  const account = await startAccount({ clock: autoClock(STARTED_AT_MS) })
  const { endpoint, region, clock, accountId } = account
  const administrator = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
  const s3 = new S3Client(administrator)
  const kms = new KMSClient(administrator)
  const iam = new IAMClient(administrator)
  const sts = new STSClient(administrator)
  const release = clock.hold()
  const environment = { ...process.env }
  let count = 0
  const numbered = (name: string): string => `${name}-${(count += 1)}`
  const useAdministrator = (): void => {
    delete process.env['AWS_SESSION_TOKEN']
    Object.assign(process.env, settingsOf(account))
  }
  useAdministrator()
  return {
    account,
    s3,
    settings: administrator,
    async bucket({ versioned, lockedDays } = {}) {
      const Bucket = numbered('vaults')
      await s3.send(
        new CreateBucketCommand({
          Bucket,
          CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
          ObjectLockEnabledForBucket: lockedDays !== undefined,
        }),
      )
      if (versioned)
        await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }))
      if (lockedDays !== undefined) {
        const DefaultRetention = { Mode: 'COMPLIANCE', Days: lockedDays } as const
        const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } } as const
        await s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }))
      }
      return Bucket
    },
    async key(alias) {
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({}))
      const arn = KeyMetadata?.Arn ?? ''
      if (alias !== undefined) await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }))
      return arn
    },
    async actAs(...may) {
      if (may.length === 0) return useAdministrator()
      const RoleName = numbered('mover')
      const statement = { Effect: 'Allow', Principal: { AWS: accountId }, Action: 'sts:AssumeRole' }
      const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }))
      const allowed = may.map((each) => ({ Effect: 'Allow', ...each }))
      const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: allowed })
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'may', PolicyDocument }))
      const RoleArn = `arn:aws:iam::${accountId}:role/${RoleName}`
      const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'mover' }))
      Object.assign(process.env, {
        AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId,
        AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey,
        AWS_SESSION_TOKEN: Credentials?.SessionToken,
      })
    },
    store: (bucket, prefix, options) =>
      openBucketStore(bucket, prefix, { clock: { now: () => new Date(clock.now()).toISOString() }, ...options }),
    async close() {
      for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
      Object.assign(process.env, environment)
      release()
      await account.close()
    },
  }
}
