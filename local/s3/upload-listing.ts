import type {
  ListMultipartUploadsOutput,
  ListMultipartUploadsRequest,
  ListPartsOutput,
  ListPartsRequest,
} from '@aws-sdk/client-s3'
import type { Caller, Operations } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { encoderOf, fold, limitOf, MAX_PAGE_ENTRIES, pageOf } from './listing.ts'
import type { Upload } from './model.ts'
import { compareUtf8 } from './sorted-keys.ts'

export function uploadListingOperations(buckets: Buckets): Operations {
  return {
    ListParts: (request: ListPartsRequest, caller: Caller) => listParts(buckets.of(request, caller), request),
    ListMultipartUploads: (request: ListMultipartUploadsRequest, caller: Caller) =>
      listUploads(buckets.of(request, caller), request),
  }
}

function listParts(bucket: Bucket, request: ListPartsRequest): ListPartsOutput {
  const upload = bucket.upload(request.UploadId, request.Key)
  const marker = Number(request.PartNumberMarker ?? 0)
  const parts = [...upload.parts.values()].toSorted((a, b) => a.number - b.number)
  const left = parts.filter(({ number }) => number > marker)
  const { page, isTruncated } = pageOf(left, limitOf(request.MaxParts, 'max-parts'))
  const { checksumAlgorithm, checksumType } = upload
  return {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.uploadId,
    PartNumberMarker: String(marker),
    NextPartNumberMarker: String(page.at(-1)?.number ?? marker),
    MaxParts: request.MaxParts ?? MAX_PAGE_ENTRIES,
    IsTruncated: isTruncated,
    StorageClass: 'STANDARD',
    Owner: { ID: bucket.state.ownerId },
    Initiator: { ID: upload.initiator },
    ...(checksumAlgorithm ? { ChecksumAlgorithm: checksumAlgorithm, ChecksumType: checksumType } : {}),
    Parts: page.map(({ number, etag, piece, modifiedMs, checksum }) => ({
      PartNumber: number,
      ETag: etag,
      Size: piece.sizeBytes,
      LastModified: new Date(modifiedMs),
      ...(checksumAlgorithm ? { [`Checksum${checksum.algorithm}`]: checksum.value } : {}),
    })),
  }
}

interface UploadEntry {
  readonly name: string
  readonly upload?: Upload
}

function listUploads(bucket: Bucket, request: ListMultipartUploadsRequest): ListMultipartUploadsOutput {
  const { Delimiter, EncodingType, KeyMarker = '', UploadIdMarker } = request
  const encode = encoderOf(EncodingType)
  const { page, isTruncated } = pageOf(uploadEntries(bucket, request), limitOf(request.MaxUploads, 'max-uploads'))
  const last = page.at(-1)
  return {
    Bucket: bucket.name,
    KeyMarker: encode(KeyMarker),
    UploadIdMarker: UploadIdMarker ?? '',
    NextKeyMarker: isTruncated ? encode(last?.name ?? '') : undefined,
    NextUploadIdMarker: isTruncated ? last?.upload?.uploadId : undefined,
    Prefix: encode(request.Prefix ?? ''),
    Delimiter: Delimiter && encode(Delimiter),
    MaxUploads: request.MaxUploads ?? MAX_PAGE_ENTRIES,
    IsTruncated: isTruncated,
    EncodingType,
    Uploads: page.flatMap(({ upload }) => (upload ? [described(upload, bucket.state.ownerId, encode)] : [])),
    CommonPrefixes: page.flatMap(({ name, upload }) => (upload ? [] : [{ Prefix: encode(name) }])),
  }
}

const described = (upload: Upload, ownerId: string, encode: (text: string) => string) => ({
  Key: encode(upload.key),
  UploadId: upload.uploadId,
  Initiated: new Date(upload.initiatedMs),
  StorageClass: 'STANDARD' as const,
  Owner: { ID: ownerId },
  Initiator: { ID: upload.initiator },
  ...(upload.checksumAlgorithm
    ? { ChecksumAlgorithm: upload.checksumAlgorithm, ChecksumType: upload.checksumType }
    : {}),
})

/** Uploads by key, those of one key in the order in which they began, after the markers. */
function* uploadEntries(bucket: Bucket, request: ListMultipartUploadsRequest): Generator<UploadEntry, void> {
  const { KeyMarker: keyMarker = '', UploadIdMarker: uploadMarker } = request
  const byKey = Map.groupBy(bucket.state.uploads.values(), ({ key }) => key)
  const keys = [...byKey.keys()].toSorted(compareUtf8)
  const entries = (key: string): UploadEntry[] => (byKey.get(key) ?? []).map((upload) => ({ name: key, upload }))
  if (uploadMarker !== undefined && keyMarker !== '') {
    const ofMarker = entries(keyMarker)
    const at = ofMarker.findIndex(({ upload }) => upload?.uploadId === uploadMarker)
    if (at >= 0) yield* ofMarker.slice(at + 1)
  }
  const keysFrom = (start: string) => keys.filter((key) => compareUtf8(key, start) >= 0)
  for (const { name, isPrefix } of fold(keysFrom, request, keyMarker)) {
    if (isPrefix) yield { name }
    else yield* entries(name)
  }
}
