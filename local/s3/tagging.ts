import type {
  DeleteBucketTaggingRequest,
  DeleteObjectTaggingOutput,
  DeleteObjectTaggingRequest,
  GetBucketTaggingOutput,
  GetBucketTaggingRequest,
  GetObjectTaggingOutput,
  GetObjectTaggingRequest,
  PutBucketTaggingRequest,
  PutObjectTaggingOutput,
  PutObjectTaggingRequest,
  Tag,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument } from './errors.ts'
import type { Tags } from './model.ts'
import { findVersion, versionMember } from './versions.ts'

const MAX_OBJECT_TAGS = 10
const MAX_BUCKET_TAGS = 50
const MAX_KEY_CHARS = 128
const MAX_VALUE_CHARS = 256

export function taggingOperations(buckets: Buckets): Operations {
  return {
    PutObjectTagging(request: PutObjectTaggingRequest, caller: Caller): PutObjectTaggingOutput {
      const bucket = buckets.of(request, caller)
      const version = findVersion(bucket, request)
      const tags = tagsOf(pairsOf(request.Tagging?.TagSet), MAX_OBJECT_TAGS)
      bucket.amend(version, { ...version, tags })
      return versionMember(bucket, version)
    },
    GetObjectTagging(request: GetObjectTaggingRequest, caller: Caller): GetObjectTaggingOutput {
      const bucket = buckets.of(request, caller)
      const version = findVersion(bucket, request)
      return { TagSet: tagSet(version.tags), ...versionMember(bucket, version) }
    },
    DeleteObjectTagging(request: DeleteObjectTaggingRequest, caller: Caller): DeleteObjectTaggingOutput {
      const bucket = buckets.of(request, caller)
      const version = findVersion(bucket, request)
      bucket.amend(version, { ...version, tags: new Map() })
      return versionMember(bucket, version)
    },
    PutBucketTagging(request: PutBucketTaggingRequest, caller: Caller): object {
      const { state } = buckets.of(request, caller)
      state.tags = tagsOf(pairsOf(request.Tagging?.TagSet), MAX_BUCKET_TAGS)
      return {}
    },
    GetBucketTagging(request: GetBucketTaggingRequest, caller: Caller): GetBucketTaggingOutput {
      const { tags } = buckets.of(request, caller).state
      if (!tags?.size) throw new AwsError('NoSuchTagSet', 'The TagSet does not exist', { status: 404 })
      return { TagSet: tagSet(tags) }
    },
    DeleteBucketTagging(request: DeleteBucketTaggingRequest, caller: Caller): object {
      delete buckets.of(request, caller).state.tags
      return {}
    },
  }
}

/** Reads the header `x-amz-tagging`, a query string. @throws AwsError `InvalidArgument`, `InvalidTag`, `BadRequest` */
export function tagsOfHeader(header: string | undefined): Tags {
  const pairs = [...new URLSearchParams(header ?? '')]
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) {
    throw invalidArgument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    )
  }
  return tagsOf(pairs, MAX_OBJECT_TAGS)
}

type Pair = readonly [key: string, value: string]

const pairsOf = (tags: readonly Tag[] | undefined): Pair[] =>
  (tags ?? []).map(({ Key = '', Value = '' }): Pair => [Key, Value])

const tagSet = (tags: Tags): Tag[] => [...tags].map(([Key, Value]) => ({ Key, Value }))

function tagsOf(pairs: readonly Pair[], limit: number): Tags {
  if (pairs.length > limit) {
    throw limit === MAX_OBJECT_TAGS
      ? new AwsError('BadRequest', `Object tags cannot be greater than ${limit}`)
      : new AwsError('InvalidTag', `Bucket tag count cannot be greater than ${limit}`)
  }
  const tags = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (key === '' || key.length > MAX_KEY_CHARS || !isTagText(key)) {
      throw new AwsError('InvalidTag', 'The TagKey you have provided is invalid', { fields: { TagKey: key } })
    }
    if (value.length > MAX_VALUE_CHARS || !isTagText(value)) {
      throw new AwsError('InvalidTag', 'The TagValue you have provided is invalid', { fields: { TagValue: value } })
    }
    if (key.toLowerCase().startsWith('aws:')) {
      throw new AwsError(
        'InvalidTag',
        'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
      )
    }
    if (tags.has(key)) {
      throw new AwsError('InvalidTag', 'Cannot provide multiple Tags with the same key', { fields: { TagKey: key } })
    }
    tags.set(key, value)
  }
  return tags
}

const isTagText = (text: string): boolean => /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text)
