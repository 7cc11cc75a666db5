import type {
  DeletedObject,
  DeleteObjectOutput,
  DeleteObjectRequest,
  DeleteObjectsOutput,
  DeleteObjectsRequest,
  ObjectIdentifier,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import type { Bucket } from './bucket.ts'
import type { Buckets } from './buckets.ts'
import { unquoted } from './conditions.ts'
import { malformedXml, noSuchKey, preconditionFailed } from './errors.ts'
import type { Version } from './model.ts'
import { checkRemovable } from './object-lock.ts'
import { namedVersion } from './versions.ts'

const MAX_DELETIONS = 1000

export function deletionOperations(buckets: Buckets): Operations {
  return {
    DeleteObject(request: DeleteObjectRequest, caller: Caller): DeleteObjectOutput {
      const bucket = buckets.of(request, caller)
      const { removed, isMarker } = remove(bucket, request, request.BypassGovernanceRetention ?? false)
      return { ...(isMarker ? { DeleteMarker: true } : {}), ...(removed ? { VersionId: removed.versionId } : {}) }
    },
    DeleteObjects(request: DeleteObjectsRequest, caller: Caller): DeleteObjectsOutput {
      const bucket = buckets.of(request, caller)
      const { Objects: objects = [], Quiet: isQuiet = false } = request.Delete ?? {}
      if (objects.length === 0 || objects.length > MAX_DELETIONS) throw malformedXml()
      const mayBypass = request.BypassGovernanceRetention ?? false
      const outcomes = objects.map((object) => deleted(bucket, object, mayBypass))
      return {
        Deleted: isQuiet ? [] : outcomes.flatMap((outcome) => ('code' in outcome ? [] : [outcome.deleted])),
        Errors: outcomes.flatMap((outcome) =>
          'code' in outcome
            ? [{ Key: outcome.key, VersionId: outcome.versionId, Code: outcome.code, Message: outcome.message }]
            : [],
        ),
      }
    },
  }
}

type Outcome =
  | { readonly deleted: DeletedObject }
  | { readonly key?: string; readonly versionId?: string; readonly code: string; readonly message: string }

/** One object of many: what one of them is refused does not keep the others. */
function deleted(bucket: Bucket, { Key, VersionId, ETag }: ObjectIdentifier, mayBypass: boolean): Outcome {
  try {
    const { removed, isMarker } = remove(bucket, { Key, VersionId, IfMatch: ETag }, mayBypass)
    const marker = isMarker ? { DeleteMarker: true, DeleteMarkerVersionId: removed?.versionId } : {}
    return { deleted: { Key, VersionId, ...marker } }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    return { key: Key, versionId: VersionId, code: error.code, message: error.message }
  }
}

interface Removal {
  /** The version that is gone, or the delete marker that was made; absent when there was nothing, or the bucket has no versions. */
  readonly removed?: Version
  readonly isMarker: boolean
}

/** Deletes a version for good, or hides the current one behind a marker. Deleting what is not there succeeds. */
function remove(
  bucket: Bucket,
  request: { readonly Key?: string; readonly VersionId?: string; readonly IfMatch?: string },
  mayBypass: boolean,
): Removal {
  const { Key: key = '', VersionId: versionId, IfMatch: ifMatch } = request
  const found = versionId === undefined ? bucket.find(key) : namedVersion(bucket, request)
  if (ifMatch !== undefined) checkMatch(ifMatch, found, key)
  if (versionId !== undefined) {
    if (!found) return { isMarker: false }
    checkRemovable(found, mayBypass, bucket.nowMs())
    bucket.remove(found)
    return { removed: found, isMarker: found.kind === 'marker' }
  }
  if (bucket.state.versioning !== undefined) return { removed: bucket.mark(key), isMarker: true }
  if (found) bucket.remove(found)
  return { isMarker: false }
}

function checkMatch(ifMatch: string, found: Version | undefined, key: string): void {
  if (found?.kind !== 'object') throw noSuchKey(key)
  if (ifMatch !== '*' && unquoted(ifMatch) !== unquoted(found.etag)) throw preconditionFailed('If-Match')
}
