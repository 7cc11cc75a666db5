import type { Bucket } from './bucket.ts'
import { NULL_VERSION } from './bucket.ts'
import { AwsError } from '../wire/service.ts'
import { invalidArgument, noSuchKey, noSuchVersion } from './errors.ts'
import type { ObjectVersion, Version } from './model.ts'

export interface VersionRequest {
  readonly Key?: string
  readonly VersionId?: string
}

/**
 * The object that a request means: the version that it names, else the current one.
 * @throws AwsError `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed` for a delete marker that is named, with the headers that say so
 */
export function findVersion(bucket: Bucket, request: VersionRequest): ObjectVersion {
  const { Key: key = '', VersionId: versionId } = request
  if (versionId === undefined) {
    const current = bucket.current(key)
    if (current?.kind === 'object') return current
    throw current ? hidden(key, current.versionId) : noSuchKey(key)
  }
  const version = namedVersion(bucket, request)
  if (!version) throw noSuchVersion({ Key: key, VersionId: versionId })
  if (version.kind === 'object') return version
  throw new AwsError('MethodNotAllowed', 'The specified method is not allowed against this resource.', {
    status: 405,
    fields: { Method: 'GET', ResourceType: 'DeleteMarker' },
    headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId, allow: 'DELETE' },
  })
}

/** The version of that id, a delete marker too; undefined when there is none. @throws AwsError `InvalidArgument` for no id */
export function namedVersion(
  bucket: Bucket,
  { Key: key = '', VersionId: versionId }: VersionRequest,
): Version | undefined {
  if (versionId === '') throw invalidArgument('Version id cannot be the empty string')
  if (versionId !== NULL_VERSION && !/^[A-Za-z0-9._]{32}$/.test(versionId ?? '')) {
    throw invalidArgument('Invalid version id specified', { ArgumentName: 'versionId', ArgumentValue: versionId })
  }
  return bucket.versionsOf(key).find((version) => version.versionId === versionId)
}

function hidden(key: string, versionId: string): AwsError {
  return new AwsError('NoSuchKey', 'The specified key does not exist.', {
    status: 404,
    fields: { Key: key },
    headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': versionId },
  })
}

/** A version's id as replies carry it: not at all in a bucket that never had versions. */
export const versionMember = (bucket: Bucket, version: Version): { VersionId?: string } =>
  bucket.state.versioning === undefined ? {} : { VersionId: version.versionId }
