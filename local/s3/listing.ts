import type {
  ListObjectsOutput,
  ListObjectsRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
  ListObjectVersionsOutput,
  ListObjectVersionsRequest,
  _Object as ListedObject,
} from '@aws-sdk/client-s3'
import type { Caller, Operations } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument } from './errors.ts'
import type { ObjectVersion, Version } from './model.ts'
import { compareUtf8 } from './sorted-keys.ts'

/** S3 never gives more per page, whatever is asked. */
export const MAX_PAGE_ENTRIES = 1000

interface Fold {
  readonly Prefix?: string
  readonly Delimiter?: string
}

/** A key, or a common prefix that stands for all keys that begin with it. */
export interface Entry {
  readonly name: string
  readonly isPrefix: boolean
}

export function listingOperations(buckets: Buckets): Operations {
  return {
    ListObjectsV2: (request: ListObjectsV2Request, caller: Caller) => listV2(buckets.of(request, caller), request),
    ListObjects: (request: ListObjectsRequest, caller: Caller) => listV1(buckets.of(request, caller), request),
    ListObjectVersions: (request: ListObjectVersionsRequest, caller: Caller) =>
      listVersions(buckets.of(request, caller), request),
  }
}

/** Names in UTF-8 order, after `after`, folded at the delimiter; a name that is folded is skipped without looking at its keys. */
export function* fold(
  keysFrom: (start: string) => Iterable<string>,
  { Prefix: prefix = '', Delimiter: delimiter }: Fold,
  after: string,
): Generator<Entry, void> {
  let start = compareUtf8(prefix, after) > 0 ? prefix : after
  let skipped: string | undefined = delimiter && after.endsWith(delimiter) ? after : undefined
  for (;;) {
    const entry = nextEntry(keysFrom(start), { prefix, delimiter, after, skipped })
    if (!entry) return
    yield entry
    if (!entry.isPrefix) {
      start = `${entry.name}\0`
      continue
    }
    skipped = entry.name
    start = entry.name
  }
}

function nextEntry(
  keys: Iterable<string>,
  { prefix, delimiter, after, skipped }: { prefix: string; delimiter?: string; after: string; skipped?: string },
): Entry | undefined {
  for (const key of keys) {
    if (!key.startsWith(prefix)) {
      if (compareUtf8(key, prefix) > 0) return undefined
      continue
    }
    if (skipped !== undefined && key.startsWith(skipped)) continue
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1
    const name = delimiter && end >= 0 ? key.slice(0, end + delimiter.length) : key
    if (compareUtf8(name, after) > 0) return { name, isPrefix: name !== key || end >= 0 }
  }
  return undefined
}

/** At most `limit` entries, and whether there are more. */
export function pageOf<T>(entries: Iterable<T>, limit: number): { page: T[]; isTruncated: boolean } {
  const page: T[] = []
  for (const entry of entries) {
    if (page.length === limit) return { page, isTruncated: limit > 0 }
    page.push(entry)
  }
  return { page, isTruncated: false }
}

/** @throws AwsError `InvalidArgument` */
export function limitOf(asked: number | undefined, name = 'maxKeys'): number {
  if (asked !== undefined && asked < 0) {
    throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, { ArgumentName: name })
  }
  return Math.min(asked ?? MAX_PAGE_ENTRIES, MAX_PAGE_ENTRIES)
}

/** Names as the answer carries them: percent-encoded when asked, since XML cannot carry every character. */
export function encoderOf(encodingType: string | undefined): (text: string) => string {
  if (encodingType === undefined) return (text) => text
  if (encodingType !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request', { ArgumentValue: encodingType })
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+')
}

/** What an object page shows: current objects, not delete markers. */
function objectPage(bucket: Bucket, request: Fold & { MaxKeys?: number; EncodingType?: string }, after: string) {
  const encode = encoderOf(request.EncodingType)
  const keys = (start: string) => liveKeys(bucket, start)
  function* shown(): Generator<{ name: string; object?: ObjectVersion }, void> {
    for (const { name, isPrefix } of fold(keys, request, after)) {
      yield isPrefix ? { name } : { name, object: bucket.find(name) }
    }
  }
  const { page, isTruncated } = pageOf(shown(), limitOf(request.MaxKeys))
  return {
    encode,
    page,
    isTruncated,
    last: page.at(-1)?.name ?? '',
    prefixes: page.flatMap(({ name, object }) => (object ? [] : [{ Prefix: encode(name) }])),
  }
}

function* liveKeys(bucket: Bucket, start: string): Generator<string, void> {
  for (const key of bucket.keysFrom(start)) if (bucket.find(key)) yield key
}

function listV2(bucket: Bucket, request: ListObjectsV2Request): ListObjectsV2Output {
  const { ContinuationToken, StartAfter, Delimiter, EncodingType, FetchOwner } = request
  if (ContinuationToken === '') throw invalidArgument('The continuation token provided is incorrect')
  const after = ContinuationToken === undefined ? StartAfter : decodeToken(ContinuationToken)
  const { encode, page, prefixes, isTruncated, last } = objectPage(bucket, request, after ?? '')
  return {
    Name: bucket.name,
    Prefix: encode(request.Prefix ?? ''),
    Delimiter: Delimiter && encode(Delimiter),
    MaxKeys: request.MaxKeys ?? MAX_PAGE_ENTRIES,
    KeyCount: page.length,
    IsTruncated: isTruncated,
    ContinuationToken,
    NextContinuationToken: isTruncated ? encodeToken(last) : undefined,
    StartAfter: StartAfter && encode(StartAfter),
    EncodingType,
    Contents: page.flatMap(({ object }) =>
      object ? [{ ...listed(object, encode), ...(FetchOwner ? { Owner: { ID: bucket.state.ownerId } } : {}) }] : [],
    ),
    CommonPrefixes: prefixes,
  }
}

function listV1(bucket: Bucket, request: ListObjectsRequest): ListObjectsOutput {
  const { Marker = '', Delimiter, EncodingType } = request
  const { encode, page, prefixes, isTruncated, last } = objectPage(bucket, request, Marker)
  return {
    Name: bucket.name,
    Prefix: encode(request.Prefix ?? ''),
    Marker: encode(Marker),
    Delimiter: Delimiter && encode(Delimiter),
    MaxKeys: request.MaxKeys ?? MAX_PAGE_ENTRIES,
    IsTruncated: isTruncated,
    // Without a delimiter the last key of the page is the marker of the next.
    NextMarker: isTruncated && Delimiter ? encode(last) : undefined,
    EncodingType,
    Contents: page.flatMap(({ object }) =>
      object ? [{ ...listed(object, encode), Owner: { ID: bucket.state.ownerId } }] : [],
    ),
    CommonPrefixes: prefixes,
  }
}

function listed(object: ObjectVersion, encode: (text: string) => string): ListedObject {
  return {
    Key: encode(object.key),
    Size: object.sizeBytes,
    ETag: object.etag,
    LastModified: new Date(object.modifiedMs),
    StorageClass: 'STANDARD',
    ChecksumAlgorithm: [object.checksum.algorithm],
    ChecksumType: object.checksum.type,
  }
}

function listVersions(bucket: Bucket, request: ListObjectVersionsRequest): ListObjectVersionsOutput {
  const { KeyMarker: keyMarker = '', VersionIdMarker: versionMarker, Delimiter, EncodingType } = request
  if (versionMarker !== undefined && keyMarker === '') {
    throw invalidArgument('A version-id marker cannot be specified without a key marker.', {
      ArgumentName: 'version-id-marker',
    })
  }
  const encode = encoderOf(EncodingType)
  const { page, isTruncated } = pageOf(
    versionEntries(bucket, request, keyMarker, versionMarker),
    limitOf(request.MaxKeys),
  )
  const last = page.at(-1)
  const described = ({ version, isLatest }: { version: Version; isLatest: boolean }) => ({
    Key: encode(version.key),
    VersionId: version.versionId,
    IsLatest: isLatest,
    LastModified: new Date(version.modifiedMs),
    Owner: { ID: bucket.state.ownerId },
  })
  return {
    Name: bucket.name,
    Prefix: encode(request.Prefix ?? ''),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker ?? '',
    Delimiter: Delimiter && encode(Delimiter),
    MaxKeys: request.MaxKeys ?? MAX_PAGE_ENTRIES,
    IsTruncated: isTruncated,
    NextKeyMarker: isTruncated ? encode(last?.name ?? '') : undefined,
    NextVersionIdMarker: isTruncated ? last?.shown?.version.versionId : undefined,
    EncodingType,
    Versions: page.flatMap(({ shown }) =>
      shown?.version.kind === 'object'
        ? [{ ...listed(shown.version, encode), ...described(shown), StorageClass: 'STANDARD' as const }]
        : [],
    ),
    DeleteMarkers: page.flatMap(({ shown }) => (shown?.version.kind === 'marker' ? [described(shown)] : [])),
    CommonPrefixes: page.flatMap(({ name, shown }) => (shown ? [] : [{ Prefix: encode(name) }])),
  }
}

interface VersionEntry {
  readonly name: string
  readonly shown?: { readonly version: Version; readonly isLatest: boolean }
}

function* versionEntries(
  bucket: Bucket,
  request: Fold,
  keyMarker: string,
  versionMarker: string | undefined,
): Generator<VersionEntry, void> {
  // Older versions of the marker's own key come first.
  if (versionMarker !== undefined) {
    const versions = versionsShown(bucket, keyMarker)
    const at = versions.findIndex(({ shown }) => shown?.version.versionId === versionMarker)
    if (at >= 0) yield* versions.slice(at + 1)
  }
  for (const { name, isPrefix } of fold((start) => bucket.keysFrom(start), request, keyMarker)) {
    if (isPrefix) yield { name }
    else yield* versionsShown(bucket, name)
  }
}

const versionsShown = (bucket: Bucket, key: string): VersionEntry[] =>
  bucket.versionsOf(key).map((version, index) => ({ name: key, shown: { version, isLatest: index === 0 } }))

const encodeToken = (name: string): string => Buffer.from(name).toString('base64')

function decodeToken(token: string): string {
  const name = Buffer.from(token, 'base64').toString('utf8')
  if (encodeToken(name) !== token) throw invalidArgument('The continuation token provided is incorrect')
  return name
}
