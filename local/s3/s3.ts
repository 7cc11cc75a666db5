/**
 * S3 as far as used: buckets without versions, objects of one part each. Times are the clock's; listings are consistent
 * with writes, as S3's are.
 */
import * as sdk from '@aws-sdk/client-s3'
import type {
  CreateBucketOutput,
  CreateBucketRequest,
  DeleteObjectRequest,
  GetObjectRequest,
  HeadBucketOutput,
  HeadBucketRequest,
  HeadObjectOutput,
  HeadObjectRequest,
  ListObjectsV2Output,
  ListObjectsV2Request,
  PutObjectOutput,
  PutObjectRequest,
} from '@aws-sdk/client-s3'

import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'
import type { Caller, Service, StreamedBody } from '../wire/service.ts'
import { s3Access } from './access.ts'
import { Buckets, DEFAULT_HEADERS } from './buckets.ts'
import type { StoredObject } from './buckets.ts'
import { checksumMembers, verifyChecksums } from './checksums.ts'
import { listObjects } from './listing.ts'
import {
  checkPut,
  checkReadConditions,
  checkWriteConditions,
  headersOf,
  IMPLEMENTED,
  noSuchKey,
  readRange,
  refuseOthers,
} from './requests.ts'

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
  readonly objects: Objects
  /** @throws AwsError `InvalidBucketName`, `BucketAlreadyOwnedByYou` */
  createBucket(name: string): void
}

/** S3 with no buckets. Objects are files below `directory`, which must be its own; their index lives in memory alone. */
export function createS3(options: {
  readonly clock: Clock
  readonly region: string
  readonly directory: string
  /** ARN of the customer's key that a bucket is encrypted with. */
  readonly keyOf?: (bucketArn: string) => string | undefined
}): S3 {
  const buckets = new Buckets(options.directory, options.clock)
  return {
    service: {
      sdk,
      clientName: 'S3Client',
      access: s3Access({
        hasObject: (bucket, key) => buckets.find(bucket)?.find(key) !== undefined,
        keyOf: options.keyOf ?? (() => undefined),
      }),
      operations: { ...bucketOperations(buckets, options.region), ...objectOperations(buckets) },
    },
    objects: {
      write(bucket, key, body) {
        buckets.get(bucket).write(key, body, verifyChecksums(body, {}), DEFAULT_HEADERS)
      },
      read(bucketName, key) {
        const bucket = buckets.find(bucketName)
        const object = bucket?.find(key)
        return object && bucket?.readBytes(object)
      },
      list: (bucket, prefix) =>
        buckets
          .find(bucket)
          ?.keys()
          .filter((key) => key.startsWith(prefix)) ?? [],
    },
    createBucket: (name) => void buckets.create(name),
  }
}

function bucketOperations(buckets: Buckets, region: string): Service['operations'] {
  return {
    CreateBucket(request: CreateBucketRequest): CreateBucketOutput {
      refuseOthers('CreateBucket', request, IMPLEMENTED.CreateBucket)
      checkLocation(request, region)
      buckets.create(request.Bucket ?? '')
      return { Location: `/${request.Bucket}` }
    },
    HeadBucket(request: HeadBucketRequest, caller: Caller): HeadBucketOutput {
      checkOwner(request, caller)
      // A HEAD has no body to carry NoSuchBucket.
      if (!buckets.find(request.Bucket)) throw notFound()
      return { BucketRegion: region }
    },
    ListObjectsV2(request: ListObjectsV2Request, caller: Caller): ListObjectsV2Output {
      refuseOthers('ListObjectsV2', request, IMPLEMENTED.ListObjectsV2)
      checkOwner(request, caller)
      return listObjects(buckets.get(request.Bucket), request)
    },
  }
}

function objectOperations(buckets: Buckets): Service['operations'] {
  return {
    async PutObject(
      request: Omit<PutObjectRequest, 'Body'> & { Body: StreamedBody },
      caller: Caller,
    ): Promise<PutObjectOutput> {
      refuseOthers('PutObject', request, IMPLEMENTED.PutObject)
      checkOwner(request, caller)
      checkPut(request)
      const { Key: key = '' } = request
      const bucket = buckets.get(request.Bucket)
      const body = Buffer.concat(await request.Body.toArray())
      // Another write may have ended while this body came.
      checkWriteConditions(request, bucket.find(key))
      const claims = Object.fromEntries([...request.Body.checksums].map(([name, value]) => [`Checksum${name}`, value]))
      const object = bucket.write(key, body, verifyChecksums(body, { ...request, ...claims }), headersOf(request))
      const { ServerSideEncryption, SSEKMSKeyId } = object.headers
      return { ETag: object.etag, ServerSideEncryption, SSEKMSKeyId, ...checksumMembers(object.checksum) }
    },
    GetObject(request: GetObjectRequest, caller: Caller): HeadObjectOutput & { Body: Uint8Array } {
      refuseOthers('GetObject', request, IMPLEMENTED.GetObject)
      checkOwner(request, caller)
      const bucket = buckets.get(request.Bucket)
      const object = bucket.find(request.Key ?? '')
      if (!object) throw noSuchKey(request.Key)
      checkReadConditions(request, object)
      const range = readRange(request.Range, object.sizeBytes)
      const bytes = bucket.readBytes(object)
      if (!range) return { ...describe(object, request.ChecksumMode), Body: bytes }
      const { start, end } = range
      return {
        // The checksum is that of the whole object: S3 leaves it out of a part.
        ...describe(object, undefined),
        Body: bytes.subarray(start, end),
        ContentLength: end - start,
        ContentRange: `bytes ${start}-${end - 1}/${object.sizeBytes}`,
      }
    },
    HeadObject(request: HeadObjectRequest, caller: Caller): HeadObjectOutput {
      refuseOthers('HeadObject', request, IMPLEMENTED.HeadObject)
      checkOwner(request, caller)
      const object = buckets.find(request.Bucket)?.find(request.Key ?? '')
      if (!object) throw notFound()
      checkReadConditions(request, object)
      return describe(object, request.ChecksumMode)
    },
    DeleteObject(request: DeleteObjectRequest, caller: Caller): object {
      refuseOthers('DeleteObject', request, IMPLEMENTED.DeleteObject)
      checkOwner(request, caller)
      // Deleting what is not there succeeds.
      buckets.get(request.Bucket).delete(request.Key ?? '')
      return {}
    },
  }
}

function describe(object: StoredObject, checksumMode: string | undefined): HeadObjectOutput {
  return {
    ...object.headers,
    AcceptRanges: 'bytes',
    ContentLength: object.sizeBytes,
    ETag: object.etag,
    LastModified: object.lastModified,
    ...(checksumMode === 'ENABLED' ? checksumMembers(object.checksum) : {}),
  }
}

/** us-east-1 is named by the absence of a location, every other region by its name. */
function checkLocation(request: CreateBucketRequest, region: string): void {
  const location: string | undefined = request.CreateBucketConfiguration?.LocationConstraint
  if (location === 'us-east-1') {
    throw new AwsError('InvalidLocationConstraint', 'The specified location-constraint is not valid')
  }
  if ((location ?? 'us-east-1') === region) return
  const named = location ?? 'unspecified'
  const message = `The ${named} location constraint is incompatible for the region specific endpoint this request was sent to.`
  throw new AwsError('IllegalLocationConstraintException', message)
}

/** The account owns every bucket: an expectation of another owner is never met. */
function checkOwner(request: { readonly ExpectedBucketOwner?: string }, caller: Caller): void {
  const expected = request.ExpectedBucketOwner
  if (expected === undefined || expected === caller.accountId) return
  throw new AwsError('AccessDenied', 'Access Denied', { status: 403 })
}

const notFound = (): AwsError => new AwsError('NotFound', 'Not Found', { status: 404 })
