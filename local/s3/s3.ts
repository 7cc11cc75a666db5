/**
 * S3: general purpose buckets with versions, Object Lock, multipart uploads and checksums. Objects are files, received and
 * sent as streams; times are the clock's; listings are consistent with writes, as S3's are.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { Service } from '../wire/service.ts'
import { s3Access } from './access/access.ts'
import { customerKey } from './access/keys.ts'
import { bucketOperations } from './bucket-operations.ts'
import { Buckets } from './buckets.ts'
import type { PutPolicy } from './buckets.ts'
import { deletionOperations } from './deletion.ts'
import { encryptionOperations } from './encryption.ts'
import type { FindKey } from './encryption.ts'
import { listingOperations } from './listing.ts'
import type { ObjectVersion, S3State } from './model.ts'
import { multipartOperations } from './multipart.ts'
import { objectLockOperations } from './object-lock.ts'
import { objectOperations, putNow } from './objects.ts'
import { honouring } from './parameters.ts'
import { taggingOperations } from './tagging.ts'
import { uploadListingOperations } from './upload-listing.ts'

/** The account's own way to the objects, for services that keep theirs in S3; takes no permission and no fault. */
export interface Objects {
  /** @throws AwsError `NoSuchBucket` */
  write(bucket: string, key: string, body: Uint8Array): void
  read(bucket: string, key: string): Uint8Array | undefined
  /** Keys that begin with `prefix`, in UTF-8 order; none when the bucket does not exist. */
  list(bucket: string, prefix: string): string[]
}

export interface S3 {
  readonly service: Service
  readonly durable: Durable
  readonly objects: Objects
  /** Account of a bucket. */
  readonly ownerOf: (bucket: string) => string | undefined
}

export interface S3Options {
  readonly clock: Clock
  /** Its own; objects are files below it. */
  readonly directory: string
  readonly findKey?: FindKey
  /** ARN of the customer's key that a bucket is encrypted with by the template that made it. */
  readonly keyOf?: (bucketArn: string) => string | undefined
  /** Where policies of buckets are decided by. */
  readonly putPolicy?: PutPolicy
}

/** S3 of all accounts and Regions of the process, with no buckets. */
export function createS3({ clock, directory, ...options }: S3Options): S3 {
  const { findKey = () => undefined, keyOf = () => undefined, putPolicy = () => {} } = options
  const buckets = new Buckets(directory, clock, putPolicy)
  return {
    service: {
      sdk: () => import('@aws-sdk/client-s3'),
      clientName: 'S3Client',
      signingName: 's3',
      access: s3Access({
        version: (name, key, versionId) => versionOf(buckets, name, key, versionId),
        upload: (name, uploadId) => buckets.find(name)?.state.uploads.get(uploadId),
        keyOf: (arn) => customerKey(buckets.find(arn.split(':')[5])?.state.encryption.keyId) ?? keyOf(arn),
      }),
      operations: honouring({
        ...bucketOperations(buckets),
        ...deletionOperations(buckets),
        ...encryptionOperations(buckets, findKey),
        ...listingOperations(buckets),
        ...multipartOperations(buckets, findKey),
        ...objectLockOperations(buckets),
        ...objectOperations(buckets, findKey),
        ...taggingOperations(buckets),
        ...uploadListingOperations(buckets),
      }),
    },
    durable: {
      name: 's3',
      save: () => buckets.save(),
      restore: (saved) => buckets.restore(saved as S3State),
    },
    ownerOf: (name) => buckets.find(name)?.state.ownerId,
    objects: {
      write: (bucket, key, body) => putNow(buckets.get(bucket), key, body),
      read(name, key) {
        const bucket = buckets.find(name)
        const object = bucket?.find(key)
        return bucket && object && Buffer.concat(bucket.pathsOf(object).map((path) => readFileSync(path)))
      },
      list: (name, prefix) => [...keysOf(buckets, name, prefix)],
    },
  }
}

function versionOf(buckets: Buckets, name: string, key: string, versionId?: string): ObjectVersion | undefined {
  const bucket = buckets.find(name)
  if (versionId === undefined) return bucket?.find(key)
  const version = bucket?.versionsOf(key).find((one) => one.versionId === versionId)
  return version?.kind === 'object' ? version : undefined
}

function* keysOf(buckets: Buckets, name: string, prefix: string): Generator<string, void> {
  const bucket = buckets.find(name)
  for (const key of bucket?.keysFrom(prefix) ?? []) {
    if (!key.startsWith(prefix)) return
    if (bucket?.find(key)) yield key
  }
}
