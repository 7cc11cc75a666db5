import type { GetObjectRequest, HeadObjectRequest, PutObjectRequest } from '@aws-sdk/client-s3'

import { AwsError } from '../wire/service.ts'
import { DEFAULT_HEADERS } from './buckets.ts'
import type { ObjectHeaders, StoredObject } from './buckets.ts'

type ReadRequest = GetObjectRequest | HeadObjectRequest
type WriteRequest = Omit<PutObjectRequest, 'Body'>

const ADDRESS = ['Bucket', 'Key', 'ExpectedBucketOwner']
const CONDITIONS = ['IfMatch', 'IfNoneMatch']

/** Members that each operation honours. Any other would change the outcome if it were left out, and is refused. */
export const IMPLEMENTED = {
  CreateBucket: ['Bucket', 'CreateBucketConfiguration'],
  DeleteObject: ADDRESS,
  GetObject: [...ADDRESS, ...CONDITIONS, 'ChecksumMode', 'Range'],
  HeadObject: [...ADDRESS, ...CONDITIONS, 'ChecksumMode'],
  ListObjectsV2: [
    'Bucket',
    'ExpectedBucketOwner',
    'ContinuationToken',
    'Delimiter',
    'EncodingType',
    'MaxKeys',
    'Prefix',
    'StartAfter',
  ],
  PutObject: [
    ...ADDRESS,
    ...CONDITIONS,
    'ACL',
    'Body',
    'CacheControl',
    'ChecksumAlgorithm',
    'ChecksumCRC32',
    'ChecksumCRC32C',
    'ChecksumCRC64NVME',
    'ChecksumSHA1',
    'ChecksumSHA256',
    'ContentDisposition',
    'ContentEncoding',
    'ContentLanguage',
    'ContentLength',
    'ContentMD5',
    'ContentType',
    'Metadata',
    'ObjectLockLegalHoldStatus',
    'ObjectLockMode',
    'ObjectLockRetainUntilDate',
    'SSEKMSKeyId',
    'ServerSideEncryption',
    'StorageClass',
  ],
} as const

/** Refuses parameters that would change the outcome and are not implemented; `allowed` are the members that are. */
export function refuseOthers(operation: string, request: object, allowed: readonly string[]): void {
  const other = Object.entries(request).find(([name, value]) => value !== undefined && !allowed.includes(name))
  if (!other) return
  const message = `A header you provided implies functionality that is not implemented (${operation} ${other[0]})`
  throw new AwsError('NotImplemented', message, { status: 501 })
}

/** @throws AwsError `KeyTooLongError`, `InvalidRequest` for what a bucket without Object Lock or ACLs refuses */
export function checkPut(request: WriteRequest): void {
  if (Buffer.byteLength(request.Key ?? '') > 1024) throw new AwsError('KeyTooLongError', 'Your key is too long')
  if (request.ObjectLockMode !== undefined || request.ObjectLockLegalHoldStatus !== undefined) {
    throw new AwsError('InvalidRequest', 'Bucket is missing Object Lock Configuration')
  }
  if (request.ACL !== undefined && request.ACL !== 'bucket-owner-full-control' && request.ACL !== 'private') {
    throw new AwsError('AccessControlListNotSupported', 'The bucket does not allow ACLs')
  }
  const { ServerSideEncryption: encryption, StorageClass: storageClass } = request
  if (encryption !== undefined && encryption !== 'AES256' && encryption !== 'aws:kms') {
    throw new AwsError('NotImplemented', `Encryption ${encryption} is not implemented.`, { status: 501 })
  }
  if (storageClass !== undefined && storageClass !== 'STANDARD') {
    throw new AwsError('NotImplemented', `Storage class ${storageClass} is not implemented.`, { status: 501 })
  }
  if (request.IfNoneMatch !== undefined && request.IfNoneMatch !== '*') {
    throw new AwsError('NotImplemented', 'If-None-Match of PutObject takes * alone.', { status: 501 })
  }
}

/** Conditions of a write. AWS answers If-Match on a key that does not exist with 404. */
export function checkWriteConditions(request: WriteRequest, existing: StoredObject | undefined): void {
  if (request.IfNoneMatch !== undefined && existing) throw preconditionFailed('If-None-Match')
  if (request.IfMatch === undefined) return
  if (!existing) throw noSuchKey(request.Key)
  if (unquoted(request.IfMatch) !== unquoted(existing.etag)) throw preconditionFailed('If-Match')
}

/** Conditions of a read; a match of If-None-Match is 304, which has no body. */
export function checkReadConditions(request: ReadRequest, object: StoredObject): void {
  if (request.IfMatch !== undefined && unquoted(request.IfMatch) !== unquoted(object.etag)) {
    throw preconditionFailed('If-Match')
  }
  if (request.IfNoneMatch !== undefined && [unquoted(object.etag), '*'].includes(unquoted(request.IfNoneMatch))) {
    throw new AwsError('NotModified', 'Not Modified', { status: 304 })
  }
}

export function headersOf(request: WriteRequest): ObjectHeaders {
  const { CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata, SSEKMSKeyId } = request
  return {
    CacheControl,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    Metadata,
    SSEKMSKeyId,
    ContentType: request.ContentType ?? DEFAULT_HEADERS.ContentType,
    ServerSideEncryption: request.ServerSideEncryption === 'aws:kms' ? 'aws:kms' : DEFAULT_HEADERS.ServerSideEncryption,
  }
}

/** Bytes `start` to `end`, end excluded. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads a Range header; undefined when there is none, or one that S3 ignores (several ranges, other units).
 * @throws AwsError `InvalidRange` (416)
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const range =
    first === ''
      ? { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes }
      : { start: Number(first), end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) }
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (range.start < sizeBytes && range.end > range.start) return range
  throw new AwsError('InvalidRange', 'The requested range is not satisfiable', {
    status: 416,
    fields: { RangeRequested: header, ActualObjectSize: sizeBytes },
  })
}

export const noSuchKey = (key: string | undefined): AwsError =>
  new AwsError('NoSuchKey', 'The specified key does not exist.', { status: 404, fields: { Key: key ?? '' } })

const preconditionFailed = (condition: string): AwsError =>
  new AwsError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    status: 412,
    fields: { Condition: condition },
  })

const unquoted = (etag: string): string => etag.replaceAll('"', '')
