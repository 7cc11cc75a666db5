import { noSuchKey, notImplemented, preconditionFailed } from './errors.ts'
import { AwsError } from '../wire/service.ts'
import type { ObjectVersion } from './model.ts'

export interface WriteConditions {
  readonly Key?: string
  readonly IfMatch?: string
  readonly IfNoneMatch?: string
}

export interface ReadConditions {
  readonly IfMatch?: string
  readonly IfNoneMatch?: string
  readonly IfModifiedSince?: Date
  readonly IfUnmodifiedSince?: Date
}

export const unquoted = (etag: string): string => etag.replaceAll('"', '')

const matches = (condition: string, { etag }: ObjectVersion): boolean =>
  condition === '*' || condition.split(',').some((text) => unquoted(text.trim()) === unquoted(etag))

/**
 * Conditions of a write; asked in the same step in which the write becomes visible, so that of two writers one wins.
 * AWS answers If-Match on a key that does not exist with 404.
 */
export function checkWriteConditions(request: WriteConditions, existing: ObjectVersion | undefined): void {
  const { IfMatch: ifMatch, IfNoneMatch: ifNoneMatch } = request
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw notImplemented('If-None-Match of a write takes * alone.')
  }
  if (ifNoneMatch !== undefined && existing) throw preconditionFailed('If-None-Match')
  if (ifMatch === undefined) return
  if (!existing) throw noSuchKey(request.Key)
  if (!matches(ifMatch, existing)) throw preconditionFailed('If-Match')
}

/** Conditions of a read, entity tags before times (RFC 9110); an unchanged object is 304, which has no body. */
export function checkReadConditions(request: ReadConditions, version: ObjectVersion): void {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = request
  if (IfMatch !== undefined && !matches(IfMatch, version)) throw preconditionFailed('If-Match')
  if (IfMatch === undefined && IfUnmodifiedSince && version.modifiedMs > IfUnmodifiedSince.getTime()) {
    throw preconditionFailed('If-Unmodified-Since')
  }
  const isUnchanged =
    IfNoneMatch === undefined
      ? IfModifiedSince !== undefined && version.modifiedMs <= IfModifiedSince.getTime()
      : matches(IfNoneMatch, version)
  if (isUnchanged) throw new AwsError('NotModified', 'Not Modified', { status: 304 })
}

/** Conditions on the source of a copy, which fails with 412 where a read would answer 304. */
export function checkCopyConditions(
  request: {
    readonly CopySourceIfMatch?: string
    readonly CopySourceIfNoneMatch?: string
    readonly CopySourceIfModifiedSince?: Date
    readonly CopySourceIfUnmodifiedSince?: Date
  },
  source: ObjectVersion,
): void {
  const conditions: ReadConditions = {
    IfMatch: request.CopySourceIfMatch,
    IfNoneMatch: request.CopySourceIfNoneMatch,
    IfModifiedSince: request.CopySourceIfModifiedSince,
    IfUnmodifiedSince: request.CopySourceIfUnmodifiedSince,
  }
  try {
    checkReadConditions(conditions, source)
  } catch (error) {
    if (error instanceof AwsError && error.code === 'NotModified')
      throw preconditionFailed('x-amz-copy-source-If-None-Match')
    throw error
  }
}
