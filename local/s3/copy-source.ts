import type { Caller } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument } from './errors.ts'
import type { ObjectVersion } from './model.ts'
import { findVersion } from './versions.ts'

export interface CopySource {
  readonly bucket: Bucket
  readonly version: ObjectVersion
  /** The source names a version: copying it onto its own key makes it the current one. */
  readonly isNamed: boolean
}

/** Reads `bucket/key?versionId=…`, percent-encoded, with or without a slash in front. @throws AwsError `InvalidArgument` */
export function parseCopySource(text: string | undefined): { Bucket: string; Key: string; VersionId?: string } {
  const [, path = '', versionId] = /^(.*?)(?:\?versionId=(.*))?$/s.exec(text ?? '') ?? []
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decoded(path)) ?? []
  if (!bucket || !key || bucket.startsWith('arn:')) {
    throw invalidArgument('Copy Source must mention the source bucket and key: sourcebucket/sourcekey', {
      ArgumentName: 'x-amz-copy-source',
      ArgumentValue: text,
    })
  }
  return { Bucket: bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: decodeURIComponent(versionId) }) }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw invalidArgument('Invalid copy source encoding.', { ArgumentName: 'x-amz-copy-source', ArgumentValue: path })
  }
}

export function findSource(
  buckets: Buckets,
  request: { readonly CopySource?: string; readonly ExpectedSourceBucketOwner?: string },
  caller: Caller,
): CopySource {
  const named = parseCopySource(request.CopySource)
  const source = buckets.get(named.Bucket)
  // The source may be in another Region.
  const owner = { Bucket: named.Bucket, ExpectedBucketOwner: request.ExpectedSourceBucketOwner }
  const bucket = buckets.of(owner, { ...caller, region: source.state.region })
  return { bucket, version: findVersion(bucket, named), isNamed: named.VersionId !== undefined }
}
