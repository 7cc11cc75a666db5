/** What IAM is asked before an operation of S3 runs (Service Authorization Reference, Amazon S3). */
import type { PutObjectLegalHoldRequest, PutObjectTaggingRequest } from '@aws-sdk/client-s3'
import { anyResource, request, type AccessMap } from '../../wire/access.ts'
import type { AccessOf } from '../../wire/service.ts'
import { parseCopySource } from '../copy-source.ts'
import { bucketAccess, createAsks, listing } from './buckets.ts'
import { objectArn, type Named, type S3AccessOptions } from './keys.ts'
import {
  copyAsks,
  deleteAsks,
  deleteManyAsks,
  existingTags,
  given,
  partAsks,
  putAsks,
  readAsks,
  retentionAsks,
  tagContext,
  versionContext,
  versioned,
  type CopyInput,
  type ObjectInput,
  type WriteInput,
} from './objects.ts'

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
