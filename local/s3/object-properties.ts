/** What a request says of a new object apart from its bytes: headers, encryption, tags, lock. */
import type { PutObjectRequest } from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { ChecksumClaims } from './checksums.ts'
import type { WriteConditions } from './conditions.ts'
import { encryptionOf } from './encryption.ts'
import type { FindKey } from './encryption.ts'
import { invalidRequest, keyTooLong, notImplemented } from './errors.ts'
import type { ObjectHeaders, ObjectProperties } from './model.ts'
import { lockOf } from './object-lock.ts'
import { tagsOfHeader } from './tagging.ts'

const MAX_KEY_BYTES = 1024
/** Names and values together, as UTF-8. */
const MAX_METADATA_BYTES = 2048

export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream'

type NewObjectRequest = Omit<PutObjectRequest, 'Body' | 'ContentLength'>

/**
 * Everything that a request says of a new object apart from its bytes.
 * @throws AwsError for what S3 refuses of it
 */
export function propertiesOf(
  request: Omit<NewObjectRequest, keyof ChecksumClaims | keyof WriteConditions> & { readonly Key?: string },
  bucket: Bucket,
  caller: Caller,
  findKey: FindKey,
): ObjectProperties {
  if (request.Key === undefined || request.Key === '') throw invalidRequest('A key must be specified.')
  if (Buffer.byteLength(request.Key) > MAX_KEY_BYTES) {
    throw keyTooLong({ Size: Buffer.byteLength(request.Key), MaxSizeAllowed: MAX_KEY_BYTES })
  }
  if (request.ACL !== undefined && request.ACL !== 'bucket-owner-full-control') {
    throw new AwsError('AccessControlListNotSupported', 'The bucket does not allow ACLs')
  }
  if (request.StorageClass !== undefined && request.StorageClass !== 'STANDARD') {
    throw notImplemented(`Storage class ${request.StorageClass} is not implemented.`)
  }
  return {
    headers: headersOf(request),
    encryption: encryptionOf(request, bucket, caller, findKey),
    tags: tagsOfHeader(request.Tagging),
    ...lockOf(request, bucket),
  }
}

function headersOf(request: Omit<ObjectHeaders, 'ContentType'> & { readonly ContentType?: string }): ObjectHeaders {
  const { CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata } = request
  const metadataBytes = Buffer.byteLength(
    Object.entries(Metadata ?? {})
      .flat()
      .join(''),
  )
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new AwsError('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      fields: { Size: metadataBytes, MaxSizeAllowed: MAX_METADATA_BYTES },
    })
  }
  return {
    CacheControl,
    ContentDisposition,
    // `aws-chunked` is the framing of one request, no coding of the object.
    ContentEncoding,
    ContentLanguage,
    Metadata,
    ContentType: request.ContentType ?? DEFAULT_CONTENT_TYPE,
  }
}
