/** Multipart uploads: parts are files of their own, which the completed object keeps, so that completing copies nothing. */
import { createHash, randomBytes } from 'node:crypto'
import type {
  AbortMultipartUploadRequest,
  CompletedPart,
  CompleteMultipartUploadOutput,
  CompleteMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  UploadPartCopyOutput,
  UploadPartCopyRequest,
  UploadPartOutput,
  UploadPartRequest,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations, StreamedBody } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import {
  algorithmOf,
  checksumMembers,
  checksumOfParts,
  defaultChecksumType,
  DEFAULT_ALGORITHM,
  isPossible,
  keptChecksum,
  namedAlgorithm,
} from './checksums.ts'
import type { Checksum, ChecksumClaims, ChecksumType } from './checksums.ts'
import { checkCopyConditions, checkWriteConditions, unquoted } from './conditions.ts'
import { findSource } from './copy-source.ts'
import { encryptionMembers } from './encryption.ts'
import type { FindKey } from './encryption.ts'
import { entityTooLarge, invalidArgument, invalidRequest, malformedXml } from './errors.ts'
import type { ObjectVersion, Upload, UploadedPart } from './model.ts'
import type { Received } from './object-files.ts'
import { MAX_PUT_BYTES, propertiesOf, written } from './objects.ts'
import { readCopyRange } from './ranges.ts'

const MAX_PARTS = 10_000
/** Of every part but the last. */
const MIN_PART_BYTES = 5 * 1024 ** 2
/** Since December 2025; 5 TiB until then. */
const MAX_OBJECT_BYTES = 50 * 1024 ** 4

export function multipartOperations(buckets: Buckets, findKey: FindKey): Operations {
  return {
    CreateMultipartUpload(request: CreateMultipartUploadRequest, caller: Caller): CreateMultipartUploadOutput {
      const bucket = buckets.of(request, caller)
      const properties = propertiesOf(request, bucket, caller, findKey)
      const algorithm = algorithmOf(request.ChecksumAlgorithm)
      const type = typeOf(request.ChecksumType) ?? defaultChecksumType(algorithm)
      if (!algorithm && request.ChecksumType !== undefined) {
        throw invalidRequest(
          'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
        )
      }
      if (!isPossible(algorithm ?? DEFAULT_ALGORITHM, type)) {
        throw invalidRequest(
          `The ${type} checksum type cannot be used with the ${algorithm?.toLowerCase()} checksum algorithm.`,
        )
      }
      const upload: Upload = {
        ...properties,
        key: request.Key ?? '',
        uploadId: randomBytes(48).toString('base64url'),
        initiatedMs: bucket.nowMs(),
        initiator: caller.arn,
        ...(algorithm ? { checksumAlgorithm: algorithm } : {}),
        checksumType: type,
        parts: new Map(),
      }
      bucket.state.uploads.set(upload.uploadId, upload)
      return {
        Bucket: bucket.name,
        Key: upload.key,
        UploadId: upload.uploadId,
        ...encryptionMembers(upload.encryption),
        ...(algorithm ? { ChecksumAlgorithm: algorithm, ChecksumType: type } : {}),
      }
    },
    UploadPart: (request: UploadPartRequestStreamed, caller: Caller) =>
      uploadPart(buckets.of(request, caller), request),
    UploadPartCopy: (request: UploadPartCopyRequest, caller: Caller) => uploadPartCopy(buckets, request, caller),
    CompleteMultipartUpload: (request: CompleteMultipartUploadRequest, caller: Caller) =>
      complete(buckets.of(request, caller), request),
    AbortMultipartUpload(request: AbortMultipartUploadRequest, caller: Caller): object {
      const bucket = buckets.of(request, caller)
      const upload = bucket.upload(request.UploadId, request.Key)
      bucket.state.uploads.delete(upload.uploadId)
      bucket.dropPieces([...upload.parts.values()].map(({ piece }) => piece))
      return {}
    },
  }
}

type UploadPartRequestStreamed = Omit<UploadPartRequest, 'Body'> & { readonly Body: StreamedBody }

async function uploadPart(bucket: Bucket, request: UploadPartRequestStreamed): Promise<UploadPartOutput> {
  const upload = bucket.upload(request.UploadId, request.Key)
  const number = partNumberOf(request.PartNumber)
  const { Body: body } = request
  const named = namedAlgorithm(request)
  if (named && upload.checksumAlgorithm && named !== upload.checksumAlgorithm) throw wrongType(upload, named)
  const received = await bucket.receive(body, {
    ...(named ? {} : { computes: DEFAULT_ALGORITHM }),
    limitBytes: MAX_PUT_BYTES,
    isKeyed: upload.encryption.algorithm === 'aws:kms',
  })
  try {
    const checksum = keptChecksum({ given: body.checksums, computed: received.computed }, request)
    if (upload.checksumAlgorithm && checksum.algorithm !== upload.checksumAlgorithm) {
      throw wrongType(upload, body.checksums.size > 0 ? checksum.algorithm : 'null')
    }
    const part = keepPart(bucket, { uploadId: upload.uploadId, key: upload.key, number }, received, checksum)
    return { ETag: part.etag, ...encryptionMembers(upload.encryption), ...partChecksum(part) }
  } finally {
    received.discard()
  }
}

async function uploadPartCopy(
  buckets: Buckets,
  request: UploadPartCopyRequest,
  caller: Caller,
): Promise<UploadPartCopyOutput> {
  const bucket = buckets.of(request, caller)
  const upload = bucket.upload(request.UploadId, request.Key)
  const number = partNumberOf(request.PartNumber)
  const { bucket: from, version: source } = findSource(buckets, request, caller)
  checkCopyConditions(request, source)
  const { start, end } = readCopyRange(request.CopySourceRange, source.sizeBytes)
  const algorithm = upload.checksumAlgorithm ?? DEFAULT_ALGORITHM
  const received = await bucket.receive(from.read(source, start, end), {
    computes: algorithm,
    limitBytes: MAX_PUT_BYTES,
    isKeyed: upload.encryption.algorithm === 'aws:kms',
  })
  try {
    const checksum = keptChecksum({ given: new Map(), computed: received.computed }, {})
    const part = keepPart(bucket, { uploadId: upload.uploadId, key: upload.key, number }, received, checksum)
    return {
      CopyPartResult: { ETag: part.etag, LastModified: new Date(part.modifiedMs), ...partChecksum(part) },
      ...encryptionMembers(upload.encryption),
      ...(from.state.versioning ? { CopySourceVersionId: source.versionId } : {}),
    }
  } finally {
    received.discard()
  }
}

/** Puts a part in the place of an earlier one of that number, unless the upload has ended while the bytes came. */
function keepPart(
  bucket: Bucket,
  { uploadId, key, number }: { readonly uploadId: string; readonly key: string; readonly number: number },
  received: Received,
  checksum: Checksum,
): UploadedPart {
  const { parts } = bucket.upload(uploadId, key)
  const replaced = parts.get(number)
  const part: UploadedPart = {
    number,
    piece: bucket.keep(received, key),
    etag: `"${received.digest.toString('hex')}"`,
    digest: received.digest,
    checksum,
    modifiedMs: bucket.nowMs(),
  }
  parts.set(number, part)
  if (replaced) bucket.dropPieces([replaced.piece])
  return part
}

const partChecksum = ({ checksum: { algorithm, value } }: UploadedPart): object => ({ [`Checksum${algorithm}`]: value })

function complete(bucket: Bucket, request: CompleteMultipartUploadRequest): CompleteMultipartUploadOutput {
  const upload = bucket.upload(request.UploadId, request.Key)
  const parts = chosenParts(upload, request)
  const sizeBytes = parts.reduce((sum, { piece }) => sum + piece.sizeBytes, 0)
  if (sizeBytes > MAX_OBJECT_BYTES) throw entityTooLarge({ ProposedSize: sizeBytes })
  if (request.MpuObjectSize !== undefined && request.MpuObjectSize !== sizeBytes) {
    throw invalidRequest("The provided 'x-amz-mp-object-size' header does not match what was computed.")
  }
  const checksum = checksumOf(upload, parts, request)
  checkWriteConditions(request, bucket.find(upload.key))
  const { headers, encryption, tags, retention, isLegallyHeld, key } = upload
  const md5 = createHash('md5')
  for (const part of parts) md5.update(part.digest)
  const version: ObjectVersion = {
    kind: 'object',
    headers,
    encryption,
    tags,
    isLegallyHeld,
    ...(retention ? { retention } : {}),
    key,
    versionId: bucket.nextVersionId(),
    modifiedMs: bucket.nowMs(),
    sizeBytes,
    etag: `"${md5.digest('hex')}-${parts.length}"`,
    checksum,
    pieces: parts.map(({ piece }) => piece),
    parts: parts.map((part) => ({
      number: part.number,
      sizeBytes: part.piece.sizeBytes,
      checksum: part.checksum.value,
    })),
  }
  bucket.state.uploads.delete(upload.uploadId)
  bucket.put(version)
  const chosen = new Set(parts)
  bucket.dropPieces([...upload.parts.values()].filter((part) => !chosen.has(part)).map(({ piece }) => piece))
  return {
    Location: `http://${bucket.name}.s3.${bucket.state.region}.amazonaws.com/${encodeURIComponent(key)}`,
    Bucket: bucket.name,
    Key: key,
    ETag: version.etag,
    ...checksumMembers(checksum),
    ...written(bucket, version),
  }
}

/** The parts that a completion names. @throws AwsError `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `MalformedXML` */
function chosenParts(upload: Upload, request: CompleteMultipartUploadRequest): UploadedPart[] {
  const named = request.MultipartUpload?.Parts ?? []
  if (named.length === 0 || named.length > MAX_PARTS) throw malformedXml()
  const parts = named.map((part, index) => {
    const previous = named[index - 1]?.PartNumber ?? 0
    if ((part.PartNumber ?? 0) <= previous) {
      const message = 'The list of parts was not in ascending order. Parts must be ordered by part number.'
      throw new AwsError('InvalidPartOrder', message, { fields: { UploadId: upload.uploadId } })
    }
    return chosenPart(upload, part)
  })
  const small = parts.slice(0, -1).find(({ piece }) => piece.sizeBytes < MIN_PART_BYTES)
  if (!small) return parts
  throw new AwsError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
    fields: {
      ProposedSize: small.piece.sizeBytes,
      MinSizeAllowed: MIN_PART_BYTES,
      PartNumber: small.number,
      ETag: unquoted(small.etag),
    },
  })
}

function chosenPart(upload: Upload, named: CompletedPart): UploadedPart {
  const part = upload.parts.get(named.PartNumber ?? 0)
  if (named.ETag === undefined) throw malformedXml()
  const claimed = claimedChecksum(named, upload)
  const isRight = part && unquoted(part.etag) === unquoted(named.ETag)
  if (!isRight || (claimed !== undefined && claimed !== part.checksum.value)) {
    const message =
      'One or more of the specified parts could not be found.  The part may not have been uploaded, ' +
      "or the specified entity tag may not match the part's entity tag."
    throw new AwsError('InvalidPart', message, {
      fields: { UploadId: upload.uploadId, PartNumber: named.PartNumber, ETag: unquoted(named.ETag) },
    })
  }
  return part
}

/** A composite checksum must be said again, part by part. */
function claimedChecksum(named: CompletedPart, { checksumAlgorithm, checksumType }: Upload): string | undefined {
  if (!checksumAlgorithm) return undefined
  const claimed = named[`Checksum${checksumAlgorithm}`]
  if (claimed !== undefined || checksumType === 'FULL_OBJECT') return claimed
  throw invalidRequest(
    `The upload was created using a ${checksumAlgorithm.toLowerCase()} checksum. The complete request must include ` +
      `the checksum for each part. It was missing for part ${named.PartNumber} in the request.`,
  )
}

function checksumOf(
  upload: Upload,
  parts: readonly UploadedPart[],
  request: ChecksumClaims & { readonly ChecksumType?: string },
): Checksum {
  const { checksumType: type } = upload
  if ((typeOf(request.ChecksumType) ?? type) !== type) {
    throw invalidRequest(
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    )
  }
  const algorithm = upload.checksumAlgorithm ?? parts[0]?.checksum.algorithm ?? DEFAULT_ALGORITHM
  const sums = parts.map(({ checksum, piece }) => ({ checksum, sizeBytes: piece.sizeBytes }))
  const isUniform = sums.every(({ checksum }) => checksum.algorithm === algorithm)
  if (!isUniform) throw invalidRequest('All parts must have the same checksum algorithm.')
  const checksum = checksumOfParts(sums, algorithm, isPossible(algorithm, type) ? type : 'COMPOSITE')
  const claimed = request[`Checksum${algorithm}`]
  if (claimed === undefined || claimed.replace(/-\d+$/, '') === checksum.value.replace(/-\d+$/, '')) return checksum
  throw new AwsError('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
}

function typeOf(type: string | undefined): ChecksumType | undefined {
  if (type === undefined || type === 'COMPOSITE' || type === 'FULL_OBJECT') return type
  throw invalidRequest('Value for x-amz-checksum-type header is invalid.')
}

function partNumberOf(number: number | undefined): number {
  if (number !== undefined && Number.isInteger(number) && number >= 1 && number <= MAX_PARTS) return number
  throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', {
    ArgumentName: 'partNumber',
    ArgumentValue: number,
  })
}

const wrongType = ({ checksumAlgorithm }: Upload, actual: string): AwsError =>
  invalidRequest(
    `Checksum Type mismatch occurred, expected checksum Type: ${checksumAlgorithm?.toLowerCase()}, ` +
      `actual checksum Type: ${actual.toLowerCase()}`,
  )
