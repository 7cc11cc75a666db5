/** What is asked before objects are read, written, copied and deleted. */
import type { DeleteObjectsRequest, PutObjectRetentionRequest } from '@aws-sdk/client-s3'
import { request, type AccessContext } from '../../wire/access.ts'
import type { AccessRequest, Caller } from '../../wire/service.ts'
import { parseCopySource } from '../copy-source.ts'
import type { ObjectVersion } from '../model.ts'
import { bucketArn, customerKey, keyAsks, objectArn, type Named, type S3AccessOptions } from './keys.ts'

export interface ObjectInput extends Named {
  readonly VersionId?: string
  readonly BypassGovernanceRetention?: boolean
}

/** The action has a name of its own where a version is given, e.g. GetObjectVersionTagging. */
export const versioned = (action: string, { VersionId }: ObjectInput): string =>
  VersionId === undefined ? action : action.replace('Object', 'ObjectVersion')

export const versionContext = ({ VersionId }: ObjectInput): AccessContext =>
  VersionId === undefined ? {} : { 's3:VersionId': VersionId }

export const existingTags = (version: ObjectVersion | undefined): AccessContext =>
  Object.fromEntries([...(version?.tags ?? [])].map(([key, value]) => [`s3:ExistingObjectTag/${key}`, value]))

export const given = (values: Readonly<Record<string, string | undefined>>): AccessContext =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )

export function tagContext(pairs: readonly (readonly [key: string, value: string])[]): AccessContext {
  if (pairs.length === 0) return {}
  return {
    's3:RequestObjectTagKeys': pairs.map(([key]) => key),
    ...Object.fromEntries(pairs.map(([key, value]) => [`s3:RequestObjectTag/${key}`, value])),
  }
}

const retentionContext = (mode: string | undefined, until: Date | undefined): AccessContext =>
  given({ 's3:object-lock-mode': mode, 's3:object-lock-retain-until-date': until?.toISOString() })

export interface WriteInput extends Named {
  readonly ServerSideEncryption?: string
  readonly SSEKMSKeyId?: string
  readonly StorageClass?: string
  readonly ACL?: string
  readonly IfMatch?: string
  readonly IfNoneMatch?: string
  readonly Tagging?: string
  readonly ObjectLockMode?: string
  readonly ObjectLockRetainUntilDate?: Date
  readonly ObjectLockLegalHoldStatus?: string
}

/** What a new object asks: to be put, and whatever is set along with it. */
export function putAsks(
  options: S3AccessOptions,
  input: WriteInput,
  caller: Caller,
  more: AccessContext = {},
): AccessRequest[] {
  const { ServerSideEncryption: encryption, SSEKMSKeyId: ownKey, ObjectLockMode: mode, ACL, Tagging } = input
  const hold = input.ObjectLockLegalHoldStatus
  const tags = tagContext([...new URLSearchParams(Tagging ?? '')])
  const acl = given({ 's3:x-amz-storage-class': input.StorageClass, 's3:x-amz-acl': ACL })
  const retention = retentionContext(mode, input.ObjectLockRetainUntilDate)
  const legalHold = given({ 's3:object-lock-legal-hold': hold })
  const context = {
    ...given({
      's3:x-amz-server-side-encryption': encryption,
      's3:x-amz-server-side-encryption-aws-kms-key-id': ownKey,
      's3:if-none-match': input.IfNoneMatch,
      's3:if-match': input.IfMatch,
    }),
    ...acl,
    ...retention,
    ...legalHold,
    ...tags,
    ...more,
  }
  const ask = (action: string, about: AccessContext): AccessRequest => request(action, objectArn(input), about)
  return [
    ask('s3:PutObject', context),
    ...(ACL === undefined ? [] : [ask('s3:PutObjectAcl', acl)]),
    ...(Tagging === undefined ? [] : [ask('s3:PutObjectTagging', tags)]),
    ...(mode === undefined ? [] : [ask('s3:PutObjectRetention', retention)]),
    ...(hold === undefined ? [] : [ask('s3:PutObjectLegalHold', legalHold)]),
    ...keyAsks(encryption === undefined ? options.keyOf(bucketArn(input)) : ownKey, 'GenerateDataKey', input, caller),
  ]
}

/** Who may not list a bucket does not learn that an object is not there: S3 refuses in the words of the listing. */
export function readAsks(options: S3AccessOptions, input: ObjectInput, caller: Caller): AccessRequest[] {
  const version = options.version(input.Bucket ?? '', input.Key ?? '', input.VersionId)
  const context = { ...versionContext(input), ...existingTags(version) }
  return [
    request(versioned('s3:GetObject', input), objectArn(input), context),
    ...(version
      ? keyAsks(customerKey(version.encryption.keyId) ?? options.keyOf(bucketArn(input)), 'Decrypt', input, caller)
      : [request('s3:ListBucket', bucketArn(input))]),
  ]
}

export interface CopyInput extends WriteInput {
  readonly CopySource?: string
  readonly MetadataDirective?: string
  readonly TaggingDirective?: string
}

/** A copy reads and writes: the tags too, if they go along. */
export function copyAsks(options: S3AccessOptions, input: CopyInput, caller: Caller): AccessRequest[] {
  const source = parseCopySource(input.CopySource)
  const version = options.version(source.Bucket, source.Key, source.VersionId)
  const takesTags = input.TaggingDirective !== 'REPLACE' && version !== undefined && version.tags.size > 0
  const more = given({
    's3:x-amz-copy-source': `${source.Bucket}/${source.Key}`,
    's3:x-amz-metadata-directive': input.MetadataDirective,
  })
  return [
    ...readAsks(options, source, caller),
    ...(takesTags ? [request(versioned('s3:GetObjectTagging', source), objectArn(source), existingTags(version))] : []),
    ...putAsks(options, input, caller, more),
    ...(takesTags ? [request('s3:PutObjectTagging', objectArn(input), tagContext([...version.tags]))] : []),
  ]
}

/** A part, or their completion, needs the key that the upload was begun with. */
export function partAsks(
  options: S3AccessOptions,
  input: Named & { readonly UploadId?: string },
  keyAction: 'Decrypt' | 'GenerateDataKey',
  caller: Caller,
): AccessRequest[] {
  const key = customerKey(options.upload(input.Bucket ?? '', input.UploadId ?? '')?.encryption.keyId)
  return [request('s3:PutObject', objectArn(input)), ...keyAsks(key, keyAction, input, caller)]
}

export function deleteAsks(input: ObjectInput): AccessRequest[] {
  const context = versionContext(input)
  return [
    request(versioned('s3:DeleteObject', input), objectArn(input), context),
    ...(input.BypassGovernanceRetention ? [request('s3:BypassGovernanceRetention', objectArn(input))] : []),
  ]
}

export const deleteManyAsks = ({ Bucket, BypassGovernanceRetention, Delete }: DeleteObjectsRequest): AccessRequest[] =>
  (Delete?.Objects ?? []).flatMap(({ Key, VersionId }) =>
    deleteAsks({
      ...(Bucket === undefined ? {} : { Bucket }),
      ...(Key === undefined ? {} : { Key }),
      ...(VersionId === undefined ? {} : { VersionId }),
      ...(BypassGovernanceRetention ? { BypassGovernanceRetention } : {}),
    }),
  )

export function retentionAsks(input: PutObjectRetentionRequest & ObjectInput): AccessRequest[] {
  const { Mode, RetainUntilDate } = input.Retention ?? {}
  return [
    request('s3:PutObjectRetention', objectArn(input), retentionContext(Mode, RetainUntilDate)),
    ...(input.BypassGovernanceRetention ? [request('s3:BypassGovernanceRetention', objectArn(input))] : []),
  ]
}
