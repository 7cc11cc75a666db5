/** What IAM is asked before an operation of the EBS direct APIs runs (Service Authorization Reference, Amazon EBS). */
import type {
  GetSnapshotBlockRequest,
  ListChangedBlocksRequest,
  ListSnapshotBlocksRequest,
  PutSnapshotBlockRequest,
  StartSnapshotRequest,
} from '@aws-sdk/client-ebs'
import type { AccessOf, AccessRequest, Caller } from '../wire/service.ts'
import type { EbsPlace } from './place.ts'
import { encryptionOf } from './writing.ts'

type Context = AccessRequest['context']

/** Snapshots have no account in their ARN. */
const arnOf = ({ region }: EbsPlace, id: string): string => `arn:aws:ec2:${region}::snapshot/${id}`

function onSnapshot(place: EbsPlace, action: string, id = ''): AccessRequest {
  const snapshot = place.snapshots.find(id)
  const tags = [...(snapshot?.tags ?? [])].map(([key, value]) => [`aws:ResourceTag/${key}`, value])
  return {
    action: `ebs:${action}`,
    resource: arnOf(place, id),
    context: {
      ...Object.fromEntries(tags),
      ...(snapshot ? { 'ebs:VolumeSize': snapshot.sizeGiB, 'ebs:Description': snapshot.description } : {}),
      ...(snapshot?.parentId === undefined ? {} : { 'ebs:ParentSnapshot': arnOf(place, snapshot.parentId) }),
    },
  }
}

function keyUse(place: EbsPlace, caller: Caller, action: string, keyId: string | undefined): AccessRequest[] {
  if (keyId === undefined) return []
  const context: Context = {
    'kms:CallerAccount': caller.accountId,
    'kms:ViaService': `ec2.${place.region}.amazonaws.com`,
    ...(action === 'CreateGrant' ? { 'kms:GrantIsForAWSResource': true } : {}),
  }
  return [{ action: `kms:${action}`, resource: keyId, context }]
}

function startAccess(place: EbsPlace, request: StartSnapshotRequest, caller: Caller): AccessRequest[] {
  const tags = request.Tags ?? []
  const tagContext: Context = {
    ...Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [`aws:RequestTag/${Key}`, Value])),
    ...(tags.length > 0 ? { 'aws:TagKeys': tags.map(({ Key = '' }) => Key) } : {}),
  }
  const context: Context = {
    ...tagContext,
    'ebs:VolumeSize': request.VolumeSize ?? 0,
    'ebs:Description': request.Description ?? '',
    ...(request.ParentSnapshotId === undefined ? {} : { 'ebs:ParentSnapshot': arnOf(place, request.ParentSnapshotId) }),
  }
  const keyId = place.snapshots.keyOfNew(encryptionOf(request))
  return [
    { action: 'ebs:StartSnapshot', resource: arnOf(place, '*'), context },
    ...(tags.length > 0
      ? [
          {
            action: 'ec2:CreateTags',
            resource: arnOf(place, '*'),
            context: { ...tagContext, 'ec2:CreateAction': 'StartSnapshot' },
          },
        ]
      : []),
    ...keyUse(place, caller, 'GenerateDataKeyWithoutPlaintext', keyId),
    ...keyUse(place, caller, 'CreateGrant', keyId),
  ]
}

export const ebsAccess = (place: EbsPlace): Readonly<Record<string, AccessOf>> => ({
  ListSnapshotBlocks: ({ SnapshotId }: ListSnapshotBlocksRequest) => [
    onSnapshot(place, 'ListSnapshotBlocks', SnapshotId),
  ],
  ListChangedBlocks: ({ FirstSnapshotId, SecondSnapshotId }: ListChangedBlocksRequest) => [
    onSnapshot(place, 'ListChangedBlocks', SecondSnapshotId),
    ...(FirstSnapshotId === undefined ? [] : [onSnapshot(place, 'ListChangedBlocks', FirstSnapshotId)]),
  ],
  GetSnapshotBlock: ({ SnapshotId = '' }: GetSnapshotBlockRequest, caller) => [
    onSnapshot(place, 'GetSnapshotBlock', SnapshotId),
    ...keyUse(place, caller, 'Decrypt', place.snapshots.find(SnapshotId)?.kmsKeyId),
  ],
  StartSnapshot: (input: StartSnapshotRequest, caller) => startAccess(place, input, caller),
  PutSnapshotBlock: ({ SnapshotId }: PutSnapshotBlockRequest) => [onSnapshot(place, 'PutSnapshotBlock', SnapshotId)],
  CompleteSnapshot: ({ SnapshotId }: PutSnapshotBlockRequest) => [onSnapshot(place, 'CompleteSnapshot', SnapshotId)],
})
