import { taking } from '../refusals.ts'
import type { AwsError, Operation, Operations } from '../wire/service.ts'
import { notImplemented } from './errors.ts'

const BUCKET = ['Bucket', 'ExpectedBucketOwner']
const OBJECT = [...BUCKET, 'Key', 'VersionId']
const CHECKED = [
  'ChecksumAlgorithm',
  'ChecksumCRC32',
  'ChecksumCRC32C',
  'ChecksumCRC64NVME',
  'ChecksumMD5',
  'ChecksumSHA1',
  'ChecksumSHA256',
  'ChecksumSHA512',
]
/** A setting's document; the wire checks its digests. */
const SETTING = [...BUCKET, ...CHECKED, 'ContentMD5']
const READ = [
  ...OBJECT,
  'ChecksumMode',
  'IfMatch',
  'IfModifiedSince',
  'IfNoneMatch',
  'IfUnmodifiedSince',
  'PartNumber',
  'Range',
  'ResponseCacheControl',
  'ResponseContentDisposition',
  'ResponseContentEncoding',
  'ResponseContentLanguage',
  'ResponseContentType',
]
const NEW_OBJECT = [
  ...BUCKET,
  'Key',
  'ACL',
  'BucketKeyEnabled',
  'CacheControl',
  'ChecksumAlgorithm',
  'ContentDisposition',
  'ContentEncoding',
  'ContentLanguage',
  'ContentType',
  'Metadata',
  'ObjectLockLegalHoldStatus',
  'ObjectLockMode',
  'ObjectLockRetainUntilDate',
  'SSEKMSKeyId',
  'ServerSideEncryption',
  'StorageClass',
  'Tagging',
]
const CONDITIONS = ['IfMatch', 'IfNoneMatch']
const SOURCE = [
  'CopySource',
  'CopySourceIfMatch',
  'CopySourceIfModifiedSince',
  'CopySourceIfNoneMatch',
  'CopySourceIfUnmodifiedSince',
  'ExpectedSourceBucketOwner',
]
const FOLDED = [...BUCKET, 'Delimiter', 'EncodingType', 'Prefix']

/** Members that each operation honours. Any other would change the outcome if it were left out, and is refused. */
const HONOURED: Readonly<Record<string, readonly string[]>> = {
  AbortMultipartUpload: [...BUCKET, 'Key', 'UploadId'],
  CompleteMultipartUpload: [
    ...BUCKET,
    ...CHECKED,
    ...CONDITIONS,
    'ChecksumType',
    'Key',
    'MpuObjectSize',
    'MultipartUpload',
    'UploadId',
  ],
  CopyObject: [...NEW_OBJECT, ...SOURCE, ...CONDITIONS, 'MetadataDirective', 'TaggingDirective'],
  CreateBucket: ['Bucket', 'CreateBucketConfiguration', 'ObjectLockEnabledForBucket', 'ObjectOwnership'],
  CreateMultipartUpload: [...NEW_OBJECT, 'ChecksumType'],
  DeleteObject: [...OBJECT, 'BypassGovernanceRetention', 'IfMatch'],
  DeleteObjects: [...SETTING, 'BypassGovernanceRetention', 'Delete'],
  GetObject: READ,
  GetObjectAttributes: [...OBJECT, 'ObjectAttributes'],
  HeadObject: READ,
  ListBuckets: ['BucketRegion', 'ContinuationToken', 'MaxBuckets', 'Prefix'],
  ListMultipartUploads: [...FOLDED, 'KeyMarker', 'MaxUploads', 'UploadIdMarker'],
  ListObjects: [...FOLDED, 'Marker', 'MaxKeys'],
  ListObjectVersions: [...FOLDED, 'KeyMarker', 'MaxKeys', 'VersionIdMarker'],
  ListObjectsV2: [...FOLDED, 'ContinuationToken', 'FetchOwner', 'MaxKeys', 'StartAfter'],
  ListParts: [...BUCKET, 'Key', 'MaxParts', 'PartNumberMarker', 'UploadId'],
  PutBucketEncryption: [...SETTING, 'ServerSideEncryptionConfiguration'],
  PutBucketOwnershipControls: [...SETTING, 'OwnershipControls'],
  PutBucketPolicy: [...SETTING, 'Policy'],
  PutBucketTagging: [...SETTING, 'Tagging'],
  PutBucketVersioning: [...SETTING, 'VersioningConfiguration'],
  PutObject: [...NEW_OBJECT, ...CHECKED, ...CONDITIONS, 'Body', 'ContentLength', 'ContentMD5'],
  PutObjectLegalHold: [...OBJECT, ...SETTING, 'LegalHold'],
  PutObjectLockConfiguration: [...SETTING, 'ObjectLockConfiguration'],
  PutObjectRetention: [...OBJECT, ...SETTING, 'BypassGovernanceRetention', 'Retention'],
  PutObjectTagging: [...OBJECT, ...SETTING, 'Tagging'],
  PutPublicAccessBlock: [...SETTING, 'PublicAccessBlockConfiguration'],
  UploadPart: [...BUCKET, ...CHECKED, 'Body', 'ContentLength', 'ContentMD5', 'Key', 'PartNumber', 'UploadId'],
  UploadPartCopy: [...BUCKET, ...SOURCE, 'CopySourceRange', 'Key', 'PartNumber', 'UploadId'],
}

/** The operations, each refusing the parameters that it does not honour: what is not in the table takes an address alone. */
export const honouring = (operations: Operations): Operations =>
  Object.fromEntries(
    Object.entries(operations).map(([name, run]): [string, Operation] => [
      name,
      taking(HONOURED[name] ?? OBJECT, (member) => unhonoured(name, member), run),
    ]),
  )

const unhonoured = (operation: string, member: string): AwsError =>
  notImplemented(`A header you provided implies functionality that is not implemented (${operation} ${member})`)
