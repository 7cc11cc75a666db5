import type {
  DeleteBucketEncryptionRequest,
  GetBucketEncryptionOutput,
  GetBucketEncryptionRequest,
  PutBucketEncryptionRequest,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument, malformedXml, notImplemented } from './errors.ts'
import type { Encryption } from './model.ts'

/** ARN of a KMS key, by id, ARN, or alias. */
export type FindKey = (keyId: string, caller: Caller) => string | undefined

interface EncryptionRequest {
  readonly ServerSideEncryption?: string
  readonly SSEKMSKeyId?: string
  readonly BucketKeyEnabled?: boolean
}

/** S3's own key of the account, which exists as soon as it is used. */
const managedKey = ({ region, accountId }: { region: string; accountId: string }): string =>
  `arn:aws:kms:${region}:${accountId}:alias/aws/s3`

/** How a new object is encrypted: as the request says, else as the bucket does. */
export function encryptionOf(request: EncryptionRequest, bucket: Bucket, caller: Caller, findKey: FindKey): Encryption {
  const { ServerSideEncryption: algorithm, SSEKMSKeyId: keyId, BucketKeyEnabled: isBucketKeyEnabled } = request
  if (algorithm === undefined) {
    if (keyId !== undefined) {
      throw invalidArgument(
        'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      )
    }
    return bucket.state.encryption
  }
  return encryption(algorithm, { keyId, isBucketKeyEnabled }, { caller, findKey, region: bucket.state.region })
}

function encryption(
  algorithm: string,
  { keyId, isBucketKeyEnabled }: Omit<Encryption, 'algorithm'>,
  { caller, findKey, region }: { caller: Caller; findKey: FindKey; region: string },
): Encryption {
  if (algorithm === 'aws:kms') {
    const arn =
      keyId === undefined
        ? managedKey({ region, accountId: caller.accountId })
        : existing(keyId, findKey(keyId, caller))
    return { algorithm, keyId: arn, ...(isBucketKeyEnabled ? { isBucketKeyEnabled } : {}) }
  }
  if (algorithm === 'aws:kms:dsse') throw notImplemented(`Encryption ${algorithm} is not implemented.`)
  if (algorithm !== 'AES256') throw invalidArgument('The encryption method specified is not supported')
  if (keyId !== undefined) {
    throw invalidArgument(
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    )
  }
  return { algorithm }
}

function existing(keyId: string, arn: string | undefined): string {
  if (arn !== undefined) return arn
  throw new AwsError('KMS.NotFoundException', `Key '${keyId}' does not exist`)
}

/** Encryption as replies carry it. */
export const encryptionMembers = ({ algorithm, keyId, isBucketKeyEnabled }: Encryption) => ({
  ServerSideEncryption: algorithm,
  ...(keyId === undefined ? {} : { SSEKMSKeyId: keyId }),
  ...(isBucketKeyEnabled ? { BucketKeyEnabled: true } : {}),
})

export function encryptionOperations(buckets: Buckets, findKey: FindKey): Operations {
  return {
    PutBucketEncryption(request: PutBucketEncryptionRequest, caller: Caller): object {
      const { state } = buckets.of(request, caller)
      const [rule, ...others] = request.ServerSideEncryptionConfiguration?.Rules ?? []
      const { SSEAlgorithm, KMSMasterKeyID } = rule?.ApplyServerSideEncryptionByDefault ?? {}
      if (!rule || others.length > 0 || SSEAlgorithm === undefined) throw malformedXml()
      if (rule.BlockedEncryptionTypes) throw notImplemented('BlockedEncryptionTypes is not implemented.')
      const asked = { keyId: KMSMasterKeyID, isBucketKeyEnabled: rule.BucketKeyEnabled }
      state.encryption = encryption(SSEAlgorithm, asked, { caller, findKey, region: state.region })
      return {}
    },
    GetBucketEncryption(request: GetBucketEncryptionRequest, caller: Caller): GetBucketEncryptionOutput {
      const { algorithm, keyId, isBucketKeyEnabled = false } = buckets.of(request, caller).state.encryption
      const byDefault = { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId }
      const rule = { ApplyServerSideEncryptionByDefault: byDefault, BucketKeyEnabled: isBucketKeyEnabled }
      return { ServerSideEncryptionConfiguration: { Rules: [rule] } }
    },
    DeleteBucketEncryption(request: DeleteBucketEncryptionRequest, caller: Caller): object {
      buckets.of(request, caller).state.encryption = { algorithm: 'AES256' }
      return {}
    },
  }
}
