/** What is asked of copies, shares, locks and modifications, and of EBS's settings of the Region. */
import type {
  CopySnapshotRequest,
  LockSnapshotRequest,
  ModifySnapshotAttributeRequest,
  ModifyVolumeRequest,
} from '@aws-sdk/client-ec2'
import { anyResource, request, type AccessMap } from '../../wire/access.ts'
import type { AccessRequest } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { asks, asksToMake, present, snapshotTarget, volumeTarget } from './resources.ts'

/** The source and the copy are both asked about (AWS facts A.6). */
function copyAsks(account: Account, input: CopySnapshotRequest): AccessRequest[] {
  const { SourceRegion: region = account.region, SourceSnapshotId: id = '*' } = input
  const source = account.elsewhere(account.accountId, region) ?? account
  const { context } = snapshotTarget(source, id)
  return [
    request('ec2:CopySnapshot', `arn:aws:ec2:${region}::snapshot/${id}`, context),
    ...asksToMake(account, 'CopySnapshot', 'snapshot', input.TagSpecifications),
  ]
}

function shareContext({ OperationType, UserIds, GroupNames, CreateVolumePermission }: ModifySnapshotAttributeRequest) {
  const { Add = [], Remove = [] } = CreateVolumePermission ?? {}
  const named = (kind: 'UserId' | 'Group', from: typeof Add): string[] => from.flatMap((one) => one[kind] ?? [])
  const isAdding = OperationType === 'add'
  const lists = {
    'ec2:Add/userId': [...named('UserId', Add), ...(isAdding ? (UserIds ?? []) : [])],
    'ec2:Add/group': [...named('Group', Add), ...(isAdding ? (GroupNames ?? []) : [])],
    'ec2:Remove/userId': [...named('UserId', Remove), ...(isAdding ? [] : (UserIds ?? []))],
    'ec2:Remove/group': [...named('Group', Remove), ...(isAdding ? [] : (GroupNames ?? []))],
  }
  return Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0))
}

interface OfSnapshot {
  readonly SnapshotId?: string
}
interface OfVolume {
  readonly VolumeId?: string
}

export const ebsSettingsAccess = (account: Account): AccessMap => ({
  CopySnapshot: (input: CopySnapshotRequest) => copyAsks(account, input),
  ...Object.fromEntries(
    ['DescribeSnapshotAttribute', 'ResetSnapshotAttribute', 'UnlockSnapshot'].map((name) => [
      name,
      ({ SnapshotId }: OfSnapshot) => asks(name, [snapshotTarget(account, SnapshotId)]),
    ]),
  ),
  ModifySnapshotAttribute: (input: ModifySnapshotAttributeRequest) =>
    asks('ModifySnapshotAttribute', [snapshotTarget(account, input.SnapshotId)], shareContext(input)),
  LockSnapshot: (input: LockSnapshotRequest) =>
    asks(
      'LockSnapshot',
      [snapshotTarget(account, input.SnapshotId)],
      present({ 'ec2:SnapshotLockDuration': input.LockDuration, 'ec2:SnapshotCoolOffPeriod': input.CoolOffPeriod }),
    ),
  ...Object.fromEntries(
    ['DescribeVolumeAttribute', 'ModifyVolumeAttribute'].map((name) => [
      name,
      ({ VolumeId }: OfVolume) => asks(name, [volumeTarget(account, VolumeId)]),
    ]),
  ),
  ModifyVolume: (input: ModifyVolumeRequest) => asks('ModifyVolume', [volumeTarget(account, input.VolumeId)]),
  ...Object.fromEntries(
    [
      'DisableEbsEncryptionByDefault',
      'DisableSnapshotBlockPublicAccess',
      'EnableEbsEncryptionByDefault',
      'EnableSnapshotBlockPublicAccess',
      'GetEbsDefaultKmsKeyId',
      'GetEbsEncryptionByDefault',
      'GetSnapshotBlockPublicAccessState',
      'ModifyEbsDefaultKmsKeyId',
      'ResetEbsDefaultKmsKeyId',
    ].map((name) => [name, anyResource(`ec2:${name}`)]),
  ),
})
