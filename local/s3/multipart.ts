/** Multipart uploads: parts are files of their own, which the completed object keeps, so that completing copies nothing. */
import { randomBytes } from 'node:crypto'
import type {
  AbortMultipartUploadRequest,
  CompleteMultipartUploadRequest,
  CreateMultipartUploadOutput,
  CreateMultipartUploadRequest,
  UploadPartCopyOutput,
  UploadPartCopyRequest,
  UploadPartOutput,
  UploadPartRequest,
} from '@aws-sdk/client-s3'
import type { AwsError } from '../wire/service.ts'
import type { Caller, Operations, StreamedBody } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import {
  algorithmOf,
  defaultChecksumType,
  DEFAULT_ALGORITHM,
  isPossible,
  keptChecksum,
  namedAlgorithm,
} from './checksums.ts'
import type { Checksum } from './checksums.ts'
import { checkCopyConditions } from './conditions.ts'
import { findSource } from './copy-source.ts'
import { encryptionMembers } from './encryption.ts'
import type { FindKey } from './encryption.ts'
import { invalidArgument, invalidRequest } from './errors.ts'
import type { Upload, UploadedPart } from './model.ts'
import type { Received } from './object-files.ts'
import { completeUpload, MAX_PARTS, typeOf } from './multipart-completion.ts'
import { propertiesOf } from './object-properties.ts'
import { MAX_PUT_BYTES } from './objects.ts'
import { readCopyRange } from './ranges.ts'

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
      completeUpload(buckets.of(request, caller), request),
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
