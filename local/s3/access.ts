/** What IAM is asked before an operation of S3 runs (Service Authorization Reference, Amazon S3). */
import type { CreateBucketRequest, GetObjectRequest, ListObjectsV2Request, PutObjectRequest } from '@aws-sdk/client-s3'
import { request, type AccessContext, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'

export interface S3AccessOptions {
  readonly hasObject: (bucket: string, key: string) => boolean
  /** ARN of the customer's key that a bucket is encrypted with; undefined: S3's own key, which nobody is asked about. */
  readonly keyOf: (bucketArn: string) => string | undefined
}

interface Named {
  readonly Bucket?: string
  readonly Key?: string
}

const bucketArn = ({ Bucket = '*' }: Named): string => `arn:aws:s3:::${Bucket}`
const objectArn = (input: Named): string => `${bucketArn(input)}/${input.Key ?? ''}`

/** Bytes under a customer's key need it: S3 uses it in the caller's name. A bucket key has the bucket as its context. */
function keyAsks(
  keyArn: string | undefined,
  action: string,
  input: Named,
  { region, accountId }: Pick<Caller, 'region' | 'accountId'>,
): AccessRequest[] {
  if (keyArn === undefined) return []
  return [
    request(`kms:${action}`, keyArn, {
      'kms:ViaService': `s3.${region}.amazonaws.com`,
      'kms:CallerAccount': accountId,
      'kms:EncryptionContext:aws:s3:arn': bucketArn(input),
      'aws:ViaAWSService': true,
      'aws:CalledVia': ['s3.amazonaws.com'],
      'aws:CalledViaFirst': 's3.amazonaws.com',
      'aws:CalledViaLast': 's3.amazonaws.com',
    }),
  ]
}

const OBJECT_ACTIONS: Readonly<Record<string, string>> = {
  's3:GetObject': 'Decrypt',
  's3:PutObject': 'GenerateDataKey',
}

/** What a service asks that reads or writes objects by itself in a role's name: the bucket's key too. */
export function withDataKeys(
  requests: readonly AccessRequest[],
  {
    keyOf,
    caller,
  }: { readonly keyOf: S3AccessOptions['keyOf']; readonly caller: Pick<Caller, 'region' | 'accountId'> },
): AccessRequest[] {
  return requests.flatMap((asked) => {
    const [, Bucket] = /^arn:aws:s3:::([^/]+)/.exec(asked.resource) ?? []
    const action = OBJECT_ACTIONS[asked.action]
    if (Bucket === undefined || action === undefined) return [asked]
    return [asked, ...keyAsks(keyOf(bucketArn({ Bucket })), action, { Bucket }, caller)]
  })
}

/** Who may not list a bucket does not learn that an object is not there: S3 refuses in the words of the listing. */
const reading =
  ({ hasObject, keyOf }: S3AccessOptions): AccessOf =>
  (input: GetObjectRequest, caller) => [
    request('s3:GetObject', objectArn(input)),
    ...(hasObject(input.Bucket ?? '', input.Key ?? '')
      ? keyAsks(keyOf(bucketArn(input)), 'Decrypt', input, caller)
      : [request('s3:ListBucket', bucketArn(input))]),
  ]

function putAsks(options: S3AccessOptions, input: PutObjectRequest, caller: Caller): AccessRequest[] {
  const { ServerSideEncryption: encryption, SSEKMSKeyId: ownKey, StorageClass, IfNoneMatch, IfMatch, ACL } = input
  const key = encryption === undefined ? options.keyOf(bucketArn(input)) : ownKey
  const given: Readonly<Record<string, string | undefined>> = {
    's3:x-amz-server-side-encryption': encryption,
    's3:x-amz-server-side-encryption-aws-kms-key-id': ownKey,
    's3:x-amz-storage-class': StorageClass,
    's3:x-amz-acl': ACL,
    's3:if-none-match': IfNoneMatch,
    's3:if-match': IfMatch,
  }
  const context: AccessContext = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
  return [request('s3:PutObject', objectArn(input), context), ...keyAsks(key, 'GenerateDataKey', input, caller)]
}

const listContext = ({ Prefix, Delimiter, MaxKeys }: ListObjectsV2Request): AccessContext => ({
  ...(Prefix === undefined ? {} : { 's3:prefix': Prefix }),
  ...(Delimiter === undefined ? {} : { 's3:delimiter': Delimiter }),
  ...(MaxKeys === undefined ? {} : { 's3:max-keys': MaxKeys }),
})

export const s3Access = (options: S3AccessOptions): AccessMap => ({
  CreateBucket: (input: CreateBucketRequest) => {
    const location = input.CreateBucketConfiguration?.LocationConstraint
    return [
      request('s3:CreateBucket', bucketArn(input), location === undefined ? {} : { 's3:LocationConstraint': location }),
    ]
  },
  HeadBucket: (input: Named) => [request('s3:ListBucket', bucketArn(input))],
  ListObjectsV2: (input: ListObjectsV2Request) => [request('s3:ListBucket', bucketArn(input), listContext(input))],
  PutObject: (input: PutObjectRequest, caller) => putAsks(options, input, caller),
  GetObject: reading(options),
  HeadObject: reading(options),
  DeleteObject: (input: Named) => [request('s3:DeleteObject', objectArn(input))],
})
