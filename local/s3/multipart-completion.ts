/** The end of a multipart upload: its parts become one object. */
import { createHash } from 'node:crypto'
import type { CompletedPart, CompleteMultipartUploadOutput, CompleteMultipartUploadRequest } from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import { checksumMembers, checksumOfParts, DEFAULT_ALGORITHM, isPossible } from './checksums.ts'
import type { Checksum, ChecksumClaims, ChecksumType } from './checksums.ts'
import { checkWriteConditions, unquoted } from './conditions.ts'
import { entityTooLarge, invalidRequest, malformedXml } from './errors.ts'
import type { ObjectVersion, Upload, UploadedPart } from './model.ts'
import { written } from './objects.ts'

export const MAX_PARTS = 10_000
/** Of every part but the last. */
const MIN_PART_BYTES = 5 * 1024 ** 2
/** Since December 2025; 5 TiB until then. */
const MAX_OBJECT_BYTES = 50 * 1024 ** 4

/** @throws AwsError `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `EntityTooLarge`, `BadDigest`, `MalformedXML` */
export function completeUpload(bucket: Bucket, request: CompleteMultipartUploadRequest): CompleteMultipartUploadOutput {
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

export function typeOf(type: string | undefined): ChecksumType | undefined {
  if (type === undefined || type === 'COMPOSITE' || type === 'FULL_OBJECT') return type
  throw invalidRequest('Value for x-amz-checksum-type header is invalid.')
}
