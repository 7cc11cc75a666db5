/** What S3 remembers, as plain data: buckets, versions and uploads. The bytes are in files that the records name. */
import type { ChecksumAlgorithm } from '../wire/checksums.ts'
import type { Checksum, ChecksumType } from './checksums.ts'

export type LockMode = 'GOVERNANCE' | 'COMPLIANCE'

export interface Retention {
  readonly mode: LockMode
  readonly untilMs: number
}

export interface DefaultRetention {
  readonly mode: LockMode
  readonly days?: number
  readonly years?: number
}

export interface Encryption {
  readonly algorithm: 'AES256' | 'aws:kms'
  /** ARN of the KMS key. */
  readonly keyId?: string
  readonly isBucketKeyEnabled?: boolean
}

/** Headers that S3 keeps with an object and gives back as they came. */
export interface ObjectHeaders {
  readonly CacheControl?: string
  readonly ContentDisposition?: string
  readonly ContentEncoding?: string
  readonly ContentLanguage?: string
  readonly ContentType: string
  readonly Metadata?: Record<string, string>
}

export type Tags = ReadonlyMap<string, string>

/** A file that holds an object's bytes, or a part of them: never changed once it is complete. */
export interface Piece {
  /** Below the bucket's folder. */
  readonly file: string
  readonly sizeBytes: number
}

/** What an object is apart from its bytes. */
export interface ObjectProperties {
  readonly headers: ObjectHeaders
  readonly encryption: Encryption
  readonly tags: Tags
  readonly retention?: Retention
  readonly isLegallyHeld: boolean
}

export interface ObjectVersion extends ObjectProperties {
  readonly kind: 'object'
  readonly key: string
  /** `null` (the text) for a version made while versioning was not enabled. */
  readonly versionId: string
  readonly modifiedMs: number
  readonly sizeBytes: number
  /** With its quotes, as S3 gives it. */
  readonly etag: string
  readonly checksum: Checksum
  readonly pieces: readonly Piece[]
  /** Of a multipart upload: each part as it was completed, in order. */
  readonly parts?: readonly { readonly sizeBytes: number; readonly checksum?: string; readonly number: number }[]
}

export interface DeleteMarker {
  readonly kind: 'marker'
  readonly key: string
  readonly versionId: string
  readonly modifiedMs: number
}

export type Version = ObjectVersion | DeleteMarker

export interface UploadedPart {
  readonly number: number
  readonly piece: Piece
  readonly etag: string
  /** 16 bytes, of which the entity tags are made. */
  readonly digest: Uint8Array
  readonly checksum: Checksum
  readonly modifiedMs: number
}

export interface Upload extends ObjectProperties {
  readonly key: string
  readonly uploadId: string
  readonly initiatedMs: number
  /** ARN of who began it. */
  readonly initiator: string
  /** Undefined when the client named none: S3 then computes CRC64NVME of the whole object. */
  readonly checksumAlgorithm?: ChecksumAlgorithm
  readonly checksumType: ChecksumType
  readonly parts: Map<number, UploadedPart>
}

export interface PublicAccessBlock {
  readonly BlockPublicAcls: boolean
  readonly IgnorePublicAcls: boolean
  readonly BlockPublicPolicy: boolean
  readonly RestrictPublicBuckets: boolean
}

export interface BucketState {
  readonly name: string
  readonly ownerId: string
  readonly region: string
  readonly createdMs: number
  /** Absent until versioning is configured for the first time. */
  versioning?: 'Enabled' | 'Suspended'
  /** Present on a bucket with Object Lock; it cannot be taken away again. */
  objectLock?: { defaultRetention?: DefaultRetention }
  encryption: Encryption
  /** The text as it was put. */
  policy?: string
  publicAccessBlock?: PublicAccessBlock
  tags?: Tags
  /** Versions by key, the newest first; no entry is empty. */
  readonly versions: Map<string, readonly Version[]>
  readonly uploads: Map<string, Upload>
  /** Number of the last file that was made. */
  fileCount: number
}

export interface S3State {
  readonly buckets: Map<string, BucketState>
}
