/** What IAM is asked before an operation of S3 runs (Service Authorization Reference, Amazon S3). */
import type {
  CreateBucketRequest,
  DeleteObjectsRequest,
  PutObjectLegalHoldRequest,
  PutObjectRetentionRequest,
  PutObjectTaggingRequest,
} from '@aws-sdk/client-s3'
import { anyResource, request, type AccessContext, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'
import { parseCopySource } from './copy-source.ts'
import type { ObjectVersion, Upload } from './model.ts'

export interface S3AccessOptions {
  readonly version: (bucket: string, key: string, versionId?: string) => ObjectVersion | undefined
  readonly upload: (bucket: string, uploadId: string) => Upload | undefined
  /** ARN of the customer's key that a bucket is encrypted with; undefined: S3's own key, which nobody is asked about. */
  readonly keyOf: (bucketArn: string) => string | undefined
}

/** S3's own key is used without asking anybody. */
export const customerKey = (keyArn: string | undefined): string | undefined =>
  keyArn?.endsWith(':alias/aws/s3') ? undefined : keyArn

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

interface ObjectInput extends Named {
  readonly VersionId?: string
  readonly BypassGovernanceRetention?: boolean
}

/** The action has a name of its own where a version is given, e.g. GetObjectVersionTagging. */
const versioned = (action: string, { VersionId }: ObjectInput): string =>
  VersionId === undefined ? action : action.replace('Object', 'ObjectVersion')

const versionContext = ({ VersionId }: ObjectInput): AccessContext =>
  VersionId === undefined ? {} : { 's3:VersionId': VersionId }

const existingTags = (version: ObjectVersion | undefined): AccessContext =>
  Object.fromEntries([...(version?.tags ?? [])].map(([key, value]) => [`s3:ExistingObjectTag/${key}`, value]))

const given = (values: Readonly<Record<string, string | undefined>>): AccessContext =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )

function tagContext(pairs: readonly (readonly [key: string, value: string])[]): AccessContext {
  if (pairs.length === 0) return {}
  return {
    's3:RequestObjectTagKeys': pairs.map(([key]) => key),
    ...Object.fromEntries(pairs.map(([key, value]) => [`s3:RequestObjectTag/${key}`, value])),
  }
}

const retentionContext = (mode: string | undefined, until: Date | undefined): AccessContext =>
  given({ 's3:object-lock-mode': mode, 's3:object-lock-retain-until-date': until?.toISOString() })

interface WriteInput extends Named {
  readonly ServerSideEncryption?: string
  readonly SSEKMSKeyId?: string
  readonly StorageClass?: string
  readonly ACL?: string
  readonly IfMatch?: string
  readonly IfNoneMatch?: string
  readonly Tagging?: string
  readonly ObjectLockMode?: string
  readonly ObjectLockRetainUntilDate?: Date
  readonly ObjectLockLegalHoldStatus?: string
}

/** What a new object asks: to be put, and whatever is set along with it. */
function putAsks(
  options: S3AccessOptions,
  input: WriteInput,
  caller: Caller,
  more: AccessContext = {},
): AccessRequest[] {
  const { ServerSideEncryption: encryption, SSEKMSKeyId: ownKey, ObjectLockMode: mode, ACL, Tagging } = input
  const hold = input.ObjectLockLegalHoldStatus
  const tags = tagContext([...new URLSearchParams(Tagging ?? '')])
  const acl = given({ 's3:x-amz-storage-class': input.StorageClass, 's3:x-amz-acl': ACL })
  const retention = retentionContext(mode, input.ObjectLockRetainUntilDate)
  const legalHold = given({ 's3:object-lock-legal-hold': hold })
  const context = {
    ...given({
      's3:x-amz-server-side-encryption': encryption,
      's3:x-amz-server-side-encryption-aws-kms-key-id': ownKey,
      's3:if-none-match': input.IfNoneMatch,
      's3:if-match': input.IfMatch,
    }),
    ...acl,
    ...retention,
    ...legalHold,
    ...tags,
    ...more,
  }
  const ask = (action: string, about: AccessContext): AccessRequest => request(action, objectArn(input), about)
  return [
    ask('s3:PutObject', context),
    ...(ACL === undefined ? [] : [ask('s3:PutObjectAcl', acl)]),
    ...(Tagging === undefined ? [] : [ask('s3:PutObjectTagging', tags)]),
    ...(mode === undefined ? [] : [ask('s3:PutObjectRetention', retention)]),
    ...(hold === undefined ? [] : [ask('s3:PutObjectLegalHold', legalHold)]),
    ...keyAsks(encryption === undefined ? options.keyOf(bucketArn(input)) : ownKey, 'GenerateDataKey', input, caller),
  ]
}

/** Who may not list a bucket does not learn that an object is not there: S3 refuses in the words of the listing. */
function readAsks(options: S3AccessOptions, input: ObjectInput, caller: Caller): AccessRequest[] {
  const version = options.version(input.Bucket ?? '', input.Key ?? '', input.VersionId)
  const context = { ...versionContext(input), ...existingTags(version) }
  return [
    request(versioned('s3:GetObject', input), objectArn(input), context),
    ...(version
      ? keyAsks(customerKey(version.encryption.keyId) ?? options.keyOf(bucketArn(input)), 'Decrypt', input, caller)
      : [request('s3:ListBucket', bucketArn(input))]),
  ]
}

interface CopyInput extends WriteInput {
  readonly CopySource?: string
  readonly MetadataDirective?: string
  readonly TaggingDirective?: string
}

/** A copy reads and writes: the tags too, if they go along. */
function copyAsks(options: S3AccessOptions, input: CopyInput, caller: Caller): AccessRequest[] {
  const source = parseCopySource(input.CopySource)
  const version = options.version(source.Bucket, source.Key, source.VersionId)
  const takesTags = input.TaggingDirective !== 'REPLACE' && version !== undefined && version.tags.size > 0
  const more = given({
    's3:x-amz-copy-source': `${source.Bucket}/${source.Key}`,
    's3:x-amz-metadata-directive': input.MetadataDirective,
  })
  return [
    ...readAsks(options, source, caller),
    ...(takesTags ? [request(versioned('s3:GetObjectTagging', source), objectArn(source), existingTags(version))] : []),
    ...putAsks(options, input, caller, more),
    ...(takesTags ? [request('s3:PutObjectTagging', objectArn(input), tagContext([...version.tags]))] : []),
  ]
}

/** A part, or their completion, needs the key that the upload was begun with. */
function partAsks(
  options: S3AccessOptions,
  input: Named & { readonly UploadId?: string },
  keyAction: 'Decrypt' | 'GenerateDataKey',
  caller: Caller,
): AccessRequest[] {
  const key = customerKey(options.upload(input.Bucket ?? '', input.UploadId ?? '')?.encryption.keyId)
  return [request('s3:PutObject', objectArn(input)), ...keyAsks(key, keyAction, input, caller)]
}

function deleteAsks(input: ObjectInput): AccessRequest[] {
  const context = versionContext(input)
  return [
    request(versioned('s3:DeleteObject', input), objectArn(input), context),
    ...(input.BypassGovernanceRetention ? [request('s3:BypassGovernanceRetention', objectArn(input))] : []),
  ]
}

const deleteManyAsks = ({ Bucket, BypassGovernanceRetention, Delete }: DeleteObjectsRequest): AccessRequest[] =>
  (Delete?.Objects ?? []).flatMap(({ Key, VersionId }) =>
    deleteAsks({
      ...(Bucket === undefined ? {} : { Bucket }),
      ...(Key === undefined ? {} : { Key }),
      ...(VersionId === undefined ? {} : { VersionId }),
      ...(BypassGovernanceRetention ? { BypassGovernanceRetention } : {}),
    }),
  )

function retentionAsks(input: PutObjectRetentionRequest & ObjectInput): AccessRequest[] {
  const { Mode, RetainUntilDate } = input.Retention ?? {}
  return [
    request('s3:PutObjectRetention', objectArn(input), retentionContext(Mode, RetainUntilDate)),
    ...(input.BypassGovernanceRetention ? [request('s3:BypassGovernanceRetention', objectArn(input))] : []),
  ]
}

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

const listing =
  (action: string): AccessOf =>
  (input: ListInput) => [request(action, bucketArn(input), listContext(input))]

function createAsks(input: CreateBucketRequest): AccessRequest[] {
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

const bucketAccess: AccessMap = Object.fromEntries(
  Object.entries(BUCKET_ACTIONS).map(([operation, action]) => [
    operation,
    (input: Named) => [request(`s3:${action}`, bucketArn(input))],
  ]),
)

const onObject =
  (action: string): AccessOf =>
  (input: ObjectInput) => [request(action, objectArn(input))]

function taggingAccess(options: S3AccessOptions): AccessMap {
  const asks =
    (action: string): AccessOf =>
    (input: Omit<PutObjectTaggingRequest, keyof ObjectInput> & ObjectInput) => {
      const version = options.version(input.Bucket ?? '', input.Key ?? '', input.VersionId)
      const tags = (input.Tagging?.TagSet ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const)
      const context = { ...versionContext(input), ...existingTags(version), ...tagContext(tags) }
      return [request(versioned(action, input), objectArn(input), context)]
    }
  return {
    DeleteObjectTagging: asks('s3:DeleteObjectTagging'),
    GetObjectTagging: asks('s3:GetObjectTagging'),
    PutObjectTagging: asks('s3:PutObjectTagging'),
  }
}

export const s3Access = (options: S3AccessOptions): AccessMap => ({
  ...bucketAccess,
  ...taggingAccess(options),
  AbortMultipartUpload: onObject('s3:AbortMultipartUpload'),
  CompleteMultipartUpload: (input: Named, caller) => partAsks(options, input, 'Decrypt', caller),
  CopyObject: (input: CopyInput, caller) => copyAsks(options, input, caller),
  CreateBucket: createAsks,
  CreateMultipartUpload: (input: WriteInput, caller) => putAsks(options, input, caller),
  DeleteObject: deleteAsks,
  DeleteObjects: deleteManyAsks,
  GetObject: (input: ObjectInput, caller) => readAsks(options, input, caller),
  GetObjectAttributes: (input: ObjectInput, caller) => [
    ...readAsks(options, input, caller),
    request(versioned('s3:GetObjectAttributes', input), objectArn(input), versionContext(input)),
  ],
  GetObjectLegalHold: onObject('s3:GetObjectLegalHold'),
  GetObjectRetention: onObject('s3:GetObjectRetention'),
  HeadObject: (input: ObjectInput, caller) => readAsks(options, input, caller),
  ListBuckets: anyResource('s3:ListAllMyBuckets'),
  ListObjects: listing('s3:ListBucket'),
  ListObjectsV2: listing('s3:ListBucket'),
  ListObjectVersions: listing('s3:ListBucketVersions'),
  ListParts: onObject('s3:ListMultipartUploadParts'),
  PutObject: (input: WriteInput, caller) => putAsks(options, input, caller),
  PutObjectLegalHold: (input: PutObjectLegalHoldRequest & ObjectInput) => [
    request('s3:PutObjectLegalHold', objectArn(input), {
      ...given({ 's3:object-lock-legal-hold': input.LegalHold?.Status }),
    }),
  ],
  PutObjectRetention: retentionAsks,
  UploadPart: (input: Named, caller) => partAsks(options, input, 'GenerateDataKey', caller),
  UploadPartCopy: (input: CopyInput, caller) => {
    const source = parseCopySource(input.CopySource)
    return [...readAsks(options, source, caller), ...partAsks(options, input, 'GenerateDataKey', caller)]
  },
})
