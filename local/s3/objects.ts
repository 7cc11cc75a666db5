/** PutObject, GetObject, HeadObject, CopyObject, DeleteObject and what they share. */
import type { Readable } from 'node:stream'
import type {
  CopyObjectOutput,
  CopyObjectRequest,
  GetObjectAttributesOutput,
  GetObjectAttributesRequest,
  GetObjectOutput,
  GetObjectRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  PutObjectOutput,
  PutObjectRequest,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations, StreamedBody } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { algorithmOf, checksumMembers, DEFAULT_ALGORITHM, keptChecksum, namedAlgorithm } from './checksums.ts'
import type { Checksum } from './checksums.ts'
import { checkCopyConditions, checkReadConditions, checkWriteConditions } from './conditions.ts'
import type { WriteConditions } from './conditions.ts'
import { findSource } from './copy-source.ts'
import { encryptionMembers } from './encryption.ts'
import type { FindKey } from './encryption.ts'
import { invalidArgument, invalidRequest, notFound } from './errors.ts'
import type { ObjectProperties, ObjectVersion } from './model.ts'
import type { Received } from './object-files.ts'
import { checkLockedDigest, lockMembers, lockOf } from './object-lock.ts'
import { DEFAULT_CONTENT_TYPE, propertiesOf } from './object-properties.ts'
import { rangeOfPart, readRange } from './ranges.ts'
import { findVersion, versionMember } from './versions.ts'

/** One PutObject or CopyObject, and one part. */
export const MAX_PUT_BYTES = 5 * 1024 ** 3
/** Stores what was received as the current version of a key, unless a condition of the request fails. */
function store(
  bucket: Bucket,
  received: Received,
  checksum: Checksum,
  request: WriteConditions & { readonly Key: string; readonly properties: ObjectProperties },
): ObjectVersion {
  const { Key: key, properties } = request
  checkWriteConditions(request, bucket.find(key))
  const version: ObjectVersion = {
    ...properties,
    kind: 'object',
    key,
    versionId: bucket.nextVersionId(),
    modifiedMs: bucket.nowMs(),
    sizeBytes: received.sizeBytes,
    etag: `"${received.digest.toString('hex')}"`,
    checksum,
    pieces: [bucket.keep(received, key)],
  }
  bucket.put(version)
  return version
}

/** Writes an object of the account's own, without the checks of a request. */
export function putNow(bucket: Bucket, key: string, body: Uint8Array): void {
  const received = bucket.receiveNow(body)
  const properties: ObjectProperties = {
    headers: { ContentType: DEFAULT_CONTENT_TYPE },
    encryption: bucket.state.encryption,
    tags: new Map(),
    ...lockOf({}, bucket),
  }
  store(bucket, received, keptChecksum({ given: new Map(), computed: received.computed }, {}), { Key: key, properties })
}

export function objectOperations(buckets: Buckets, findKey: FindKey): Operations {
  return {
    async PutObject(
      request: Omit<PutObjectRequest, 'Body'> & { readonly Body: StreamedBody },
      caller: Caller,
    ): Promise<PutObjectOutput> {
      const bucket = buckets.of(request, caller)
      const properties = propertiesOf(request, bucket, caller, findKey)
      const { Body: body, Key: key = '', ContentMD5: md5 } = request
      const named = namedAlgorithm(request)
      checkLockedDigest(request, md5 !== undefined || named !== undefined)
      const received = await bucket.receive(body, {
        ...(named ? {} : { computes: DEFAULT_ALGORITHM }),
        limitBytes: MAX_PUT_BYTES,
        isKeyed: properties.encryption.algorithm === 'aws:kms',
      })
      try {
        const checksum = keptChecksum({ given: body.checksums, computed: received.computed }, request)
        const version = store(bucket, received, checksum, { ...request, Key: key, properties })
        return { ETag: version.etag, ...written(bucket, version), ...checksumMembers(version.checksum) }
      } finally {
        received.discard()
      }
    },
    GetObject(request: GetObjectRequest, caller: Caller): Omit<GetObjectOutput, 'Body'> & { Body: Readable } {
      const bucket = buckets.of(request, caller)
      const version = findVersion(bucket, request)
      const { members, start, end } = read(bucket, version, request)
      return { ...members, Body: bucket.read(version, start, end) }
    },
    HeadObject(request: HeadObjectRequest, caller: Caller): HeadObjectOutput {
      const bucket = buckets.of(request, caller)
      return read(
        bucket,
        headed(() => findVersion(bucket, request)),
        request,
      ).members
    },
    GetObjectAttributes: (request: GetObjectAttributesRequest, caller: Caller) =>
      attributesOf(buckets.of(request, caller), request),
    CopyObject: (request: CopyObjectRequest, caller: Caller) => copyObject(buckets, findKey, request, caller),
  }
}

/** What replies to writes say of a version. */
export const written = (bucket: Bucket, version: ObjectVersion): object => ({
  ...encryptionMembers(version.encryption),
  ...versionMember(bucket, version),
})

/** A HEAD has no body: what is missing is told by the status alone. */
function headed<T>(find: () => T): T {
  try {
    return find()
  } catch (error) {
    if (error instanceof AwsError && error.status === 404) throw Object.assign(notFound(), { headers: error.headers })
    throw error
  }
}

function read(
  bucket: Bucket,
  version: ObjectVersion,
  request: GetObjectRequest | HeadObjectRequest,
): { members: HeadObjectOutput; start: number; end: number } {
  checkReadConditions(request, version)
  const { Range, PartNumber, ChecksumMode } = request
  if (Range !== undefined && PartNumber !== undefined) {
    throw invalidRequest('Cannot specify both Range header and partNumber query parameter')
  }
  const range = PartNumber === undefined ? readRange(Range, version.sizeBytes) : rangeOfPart(version, PartNumber)
  const { start, end } = range ?? { start: 0, end: version.sizeBytes }
  const isWhole = end - start === version.sizeBytes
  const members: HeadObjectOutput = {
    ...version.headers,
    ...overrides(request),
    ...encryptionMembers(version.encryption),
    ...lockMembers(version),
    ...versionMember(bucket, version),
    AcceptRanges: 'bytes',
    ContentLength: end - start,
    ETag: version.etag,
    LastModified: new Date(version.modifiedMs),
    ...(version.tags.size > 0 ? { TagCount: version.tags.size } : {}),
    ...(range && version.sizeBytes > 0 ? { ContentRange: `bytes ${start}-${end - 1}/${version.sizeBytes}` } : {}),
    ...(PartNumber !== undefined && version.parts ? { PartsCount: version.parts.length } : {}),
    // The checksum is that of the whole object: S3 leaves it out of a part.
    ...(ChecksumMode === 'ENABLED' && isWhole ? checksumMembers(version.checksum) : {}),
  }
  return { members, start, end }
}

/** Headers of the answer that the request asks for, as presigned downloads do. */
function overrides(request: GetObjectRequest | HeadObjectRequest): Partial<HeadObjectOutput> {
  const asked: Partial<HeadObjectOutput> = {
    CacheControl: request.ResponseCacheControl,
    ContentDisposition: request.ResponseContentDisposition,
    ContentEncoding: request.ResponseContentEncoding,
    ContentLanguage: request.ResponseContentLanguage,
    ContentType: request.ResponseContentType,
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
}

function attributesOf(bucket: Bucket, request: GetObjectAttributesRequest): GetObjectAttributesOutput {
  const version = findVersion(bucket, request)
  const asked = new Set<string>(request.ObjectAttributes)
  const { algorithm, value, type } = version.checksum
  return {
    ...versionMember(bucket, version),
    LastModified: new Date(version.modifiedMs),
    ...(asked.has('ETag') ? { ETag: version.etag.replaceAll('"', '') } : {}),
    ...(asked.has('Checksum') ? { Checksum: { [`Checksum${algorithm}`]: value, ChecksumType: type } } : {}),
    ...(asked.has('StorageClass') ? { StorageClass: 'STANDARD' } : {}),
    ...(asked.has('ObjectSize') ? { ObjectSize: version.sizeBytes } : {}),
    ...(asked.has('ObjectParts') && version.parts ? { ObjectParts: { TotalPartsCount: version.parts.length } } : {}),
  }
}

async function copyObject(
  buckets: Buckets,
  findKey: FindKey,
  request: CopyObjectRequest,
  caller: Caller,
): Promise<CopyObjectOutput> {
  const target = buckets.of(request, caller)
  const { bucket: from, version: source, isNamed } = findSource(buckets, request, caller)
  checkCopyConditions(request, source)
  if (source.sizeBytes > MAX_PUT_BYTES) {
    throw invalidRequest(
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  }
  const replaces = directive(request.MetadataDirective, 'MetadataDirective')
  const isSelf = from === target && source.key === request.Key && !isNamed
  if (isSelf && !replaces && request.ServerSideEncryption === undefined) {
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  }
  const asked = propertiesOf(request, target, caller, findKey)
  const properties = {
    ...asked,
    headers: replaces ? asked.headers : source.headers,
    tags: directive(request.TaggingDirective, 'TaggingDirective') ? asked.tags : source.tags,
  }
  const algorithm = algorithmOf(request.ChecksumAlgorithm) ?? source.checksum.algorithm
  const received = await target.receive(from.read(source), {
    computes: algorithm,
    limitBytes: MAX_PUT_BYTES,
    isKeyed: properties.encryption.algorithm === 'aws:kms',
  })
  try {
    const { Key: key = '', IfMatch, IfNoneMatch } = request
    const kept = keptChecksum({ given: new Map(), computed: received.computed }, {})
    const version = store(target, received, kept, { IfMatch, IfNoneMatch, Key: key, properties })
    const { etag: ETag, modifiedMs, checksum } = version
    return {
      CopyObjectResult: { ETag, LastModified: new Date(modifiedMs), ...checksumMembers(checksum) },
      ...written(target, version),
      ...(from.state.versioning ? { CopySourceVersionId: source.versionId } : {}),
    }
  } finally {
    received.discard()
  }
}

function directive(value: string | undefined, name: string): boolean {
  if (value === undefined || value === 'COPY') return false
  if (value === 'REPLACE') return true
  throw invalidArgument(`Unknown ${name}.`, { ArgumentValue: value })
}
