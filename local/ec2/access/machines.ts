/** What is asked of instances beside their launch and their states. */
import type {
  AssociateIamInstanceProfileRequest,
  CancelSpotInstanceRequestsRequest,
  CreateReplaceRootVolumeTaskRequest,
  DisassociateIamInstanceProfileRequest,
  GetConsoleOutputRequest,
  ModifyInstanceMetadataOptionsRequest,
  MonitorInstancesRequest,
  ReplaceIamInstanceProfileAssociationRequest,
} from '@aws-sdk/client-ec2'
import { passRole, type AccessMap } from '../../wire/access.ts'
import type { AccessOf, AccessRequest } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import type { RoleOfProfile } from './launches.ts'
import {
  asks,
  asksToMake,
  imageTarget,
  instanceTarget,
  networkTarget,
  present,
  snapshotTarget,
  volumeTarget,
} from './resources.ts'

function replaceRootAsks(account: Account, input: CreateReplaceRootVolumeTaskRequest): AccessRequest[] {
  const { InstanceId, SnapshotId, ImageId, VolumeId, TagSpecifications } = input
  return [
    ...asks('CreateReplaceRootVolumeTask', [
      instanceTarget(account, InstanceId),
      ...(SnapshotId === undefined ? [] : [snapshotTarget(account, SnapshotId)]),
      ...(ImageId === undefined ? [] : [imageTarget(account, ImageId)]),
      volumeTarget(account, VolumeId),
    ]),
    ...asksToMake(account, 'CreateReplaceRootVolumeTask', 'replace-root-volume-task', TagSpecifications),
  ]
}

/** To give an instance a profile is to pass it the profile's role. */
const passAsks = (account: Account, profile: { Arn?: string; Name?: string } | undefined, roleOf: RoleOfProfile) => {
  const arn = profile?.Arn ?? `arn:aws:iam::${account.accountId}:instance-profile/${profile?.Name ?? ''}`
  const roleArn = roleOf(arn)
  return roleArn === undefined ? [] : [passRole(roleArn, 'ec2.amazonaws.com')]
}

export function machineAccess(account: Account, roleOf: RoleOfProfile): AccessMap {
  const holderOf = (associationId: string | undefined): string | undefined => {
    for (const { id, profile } of account.instances.values()) if (profile?.id === associationId) return id
    return undefined
  }
  const ofEach =
    (action: string): AccessOf =>
    ({ InstanceIds = [] }: MonitorInstancesRequest) =>
      asks(
        action,
        InstanceIds.map((id) => instanceTarget(account, id)),
      )
  return {
    MonitorInstances: ofEach('MonitorInstances'),
    UnmonitorInstances: ofEach('UnmonitorInstances'),
    GetConsoleOutput: ({ InstanceId }: GetConsoleOutputRequest) =>
      asks('GetConsoleOutput', [instanceTarget(account, InstanceId)]),
    ModifyInstanceMetadataOptions: ({ InstanceId, HttpTokens }: ModifyInstanceMetadataOptionsRequest) =>
      asks(
        'ModifyInstanceMetadataOptions',
        [instanceTarget(account, InstanceId)],
        present({ 'ec2:Attribute/HttpTokens': HttpTokens }),
      ),
    AssociateIamInstanceProfile: ({ InstanceId, IamInstanceProfile }: AssociateIamInstanceProfileRequest) => [
      ...asks('AssociateIamInstanceProfile', [instanceTarget(account, InstanceId)]),
      ...passAsks(account, IamInstanceProfile, roleOf),
    ],
    ReplaceIamInstanceProfileAssociation: (input: ReplaceIamInstanceProfileAssociationRequest) => [
      ...asks('ReplaceIamInstanceProfileAssociation', [instanceTarget(account, holderOf(input.AssociationId))]),
      ...passAsks(account, input.IamInstanceProfile, roleOf),
    ],
    DisassociateIamInstanceProfile: ({ AssociationId }: DisassociateIamInstanceProfileRequest) =>
      asks('DisassociateIamInstanceProfile', [instanceTarget(account, holderOf(AssociationId))]),
    CreateReplaceRootVolumeTask: (input: CreateReplaceRootVolumeTaskRequest) => replaceRootAsks(account, input),
    CancelSpotInstanceRequests: ({ SpotInstanceRequestIds = [] }: CancelSpotInstanceRequestsRequest) =>
      asks(
        'CancelSpotInstanceRequests',
        SpotInstanceRequestIds.map((id) => networkTarget(account, id)),
      ),
  }
}
