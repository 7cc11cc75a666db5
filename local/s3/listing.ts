import type { ListObjectsV2Output, ListObjectsV2Request } from '@aws-sdk/client-s3'

import { AwsError } from '../wire/service.ts'
import { compareUtf8 } from './buckets.ts'
import type { Bucket, StoredObject } from './buckets.ts'

/** S3 never gives more per page, whatever is asked. */
const MAX_PAGE_ENTRIES = 1000

/** A listed key, or a common prefix that stands for all keys that begin with it. */
interface Entry {
  readonly name: string
  readonly object?: StoredObject
}

/**
 * One page of keys and common prefixes, in UTF-8 order; both count towards MaxKeys.
 * @throws AwsError `InvalidArgument`
 */
export function listObjects(bucket: Bucket, request: ListObjectsV2Request): ListObjectsV2Output {
  const maxEntries = request.MaxKeys ?? MAX_PAGE_ENTRIES
  if (maxEntries < 0)
    throw new AwsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647')
  const after = request.ContinuationToken === undefined ? request.StartAfter : decodeToken(request.ContinuationToken)
  const limit = Math.min(maxEntries, MAX_PAGE_ENTRIES)
  const shown: Entry[] = []
  let isTruncated = false
  for (const entry of entries(bucket, request, after ?? '')) {
    isTruncated = limit > 0 && shown.length === limit
    if (shown.length === limit) break
    shown.push(entry)
  }
  const encode = request.EncodingType === 'url' ? encodeKey : (text: string): string => text
  return {
    Name: bucket.name,
    Prefix: encode(request.Prefix ?? ''),
    Delimiter: request.Delimiter && encode(request.Delimiter),
    MaxKeys: maxEntries,
    KeyCount: shown.length,
    IsTruncated: isTruncated,
    ContinuationToken: request.ContinuationToken,
    NextContinuationToken: isTruncated ? encodeToken(shown.at(-1)?.name ?? '') : undefined,
    StartAfter: request.StartAfter && encode(request.StartAfter),
    EncodingType: request.EncodingType,
    Contents: shown.flatMap(({ object }) => (object ? [listed(object, encode)] : [])),
    CommonPrefixes: shown.flatMap(({ name, object }) => (object ? [] : [{ Prefix: encode(name) }])),
  }
}

function* entries(bucket: Bucket, request: ListObjectsV2Request, after: string): Generator<Entry, undefined> {
  const { Prefix: prefix = '', Delimiter: delimiter } = request
  let lastPrefix: string | undefined
  for (const key of bucket.keys()) {
    if (!key.startsWith(prefix)) continue
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1
    const commonPrefix = delimiter && end >= 0 ? key.slice(0, end + delimiter.length) : undefined
    const name = commonPrefix ?? key
    if (compareUtf8(name, after) <= 0 || name === lastPrefix) continue
    lastPrefix = commonPrefix
    yield { name, object: commonPrefix === undefined ? bucket.find(key) : undefined }
  }
}

function listed(
  object: StoredObject,
  encode: (text: string) => string,
): NonNullable<ListObjectsV2Output['Contents']>[number] {
  return {
    Key: encode(object.key),
    Size: object.sizeBytes,
    ETag: object.etag,
    LastModified: object.lastModified,
    StorageClass: 'STANDARD',
    ChecksumAlgorithm: [object.checksum.algorithm],
    ChecksumType: 'FULL_OBJECT',
  }
}

const encodeKey = (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/')

const encodeToken = (name: string): string => Buffer.from(name).toString('base64')

function decodeToken(token: string): string {
  const name = Buffer.from(token, 'base64').toString('utf8')
  if (encodeToken(name) !== token) throw new AwsError('InvalidArgument', 'The continuation token provided is incorrect')
  return name
}
