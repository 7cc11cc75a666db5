/** What is asked before buckets are made, listed and set. */
import type { CreateBucketRequest } from '@aws-sdk/client-s3'
import { request, type AccessContext, type AccessMap } from '../../wire/access.ts'
import type { AccessOf, AccessRequest } from '../../wire/service.ts'
import { bucketArn, type Named } from './keys.ts'

interface ListInput extends Named {
  readonly Prefix?: string
  readonly Delimiter?: string
  readonly MaxKeys?: number
}

const listContext = ({ Prefix, Delimiter, MaxKeys }: ListInput): AccessContext => ({
  ...(Prefix === undefined ? {} : { 's3:prefix': Prefix }),
  ...(Delimiter === undefined ? {} : { 's3:delimiter': Delimiter }),
  ...(MaxKeys === undefined ? {} : { 's3:max-keys': MaxKeys }),
})

export const listing =
  (action: string): AccessOf =>
  (input: ListInput) => [request(action, bucketArn(input), listContext(input))]

export function createAsks(input: CreateBucketRequest): AccessRequest[] {
  const location = input.CreateBucketConfiguration?.LocationConstraint
  const also = [
    ...(input.ObjectLockEnabledForBucket ? ['s3:PutBucketObjectLockConfiguration', 's3:PutBucketVersioning'] : []),
    ...(input.ObjectOwnership === undefined ? [] : ['s3:PutBucketOwnershipControls']),
  ]
  const arn = bucketArn({ Bucket: input.Bucket ?? '*' })
  return [
    request('s3:CreateBucket', arn, location === undefined ? {} : { 's3:LocationConstraint': location }),
    ...also.map((action) => request(action, arn)),
  ]
}

/** Operations on a bucket that ask one action; it often has another name. */
const BUCKET_ACTIONS: Readonly<Record<string, string>> = {
  DeleteBucket: 'DeleteBucket',
  DeleteBucketEncryption: 'PutEncryptionConfiguration',
  DeleteBucketPolicy: 'DeleteBucketPolicy',
  DeleteBucketTagging: 'PutBucketTagging',
  DeletePublicAccessBlock: 'PutBucketPublicAccessBlock',
  GetBucketEncryption: 'GetEncryptionConfiguration',
  GetBucketLocation: 'GetBucketLocation',
  GetBucketOwnershipControls: 'GetBucketOwnershipControls',
  GetBucketPolicy: 'GetBucketPolicy',
  GetBucketTagging: 'GetBucketTagging',
  GetBucketVersioning: 'GetBucketVersioning',
  GetObjectLockConfiguration: 'GetBucketObjectLockConfiguration',
  GetPublicAccessBlock: 'GetBucketPublicAccessBlock',
  HeadBucket: 'ListBucket',
  ListMultipartUploads: 'ListBucketMultipartUploads',
  PutBucketEncryption: 'PutEncryptionConfiguration',
  PutBucketOwnershipControls: 'PutBucketOwnershipControls',
  PutBucketPolicy: 'PutBucketPolicy',
  PutBucketTagging: 'PutBucketTagging',
  PutBucketVersioning: 'PutBucketVersioning',
  PutObjectLockConfiguration: 'PutBucketObjectLockConfiguration',
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
}

export const bucketAccess: AccessMap = Object.fromEntries(
  Object.entries(BUCKET_ACTIONS).map(([operation, action]) => [
    operation,
    (input: Named) => [request(`s3:${action}`, bucketArn(input))],
  ]),
)
