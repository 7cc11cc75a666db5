/** What is asked of instances, and of whatever is tagged. */
import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeInstanceAttributeRequest,
  ModifyInstanceAttributeRequest,
  RunInstancesRequest,
  StartInstancesRequest,
} from '@aws-sdk/client-ec2'
import { requestTags, type AccessMap } from '../../wire/access.ts'
import type { AccessOf } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { runInstancesAsks, type RoleOfProfile } from './launches.ts'
import { asks, instanceTarget, targetOf, volumeTarget, type Target } from './resources.ts'

/** One attribute at a time: its name is the member that is set. */
function modifiedAttribute(input: ModifyInstanceAttributeRequest): string {
  const names = Object.entries(input).flatMap(([name, value]) =>
    value === undefined || name === 'InstanceId' || name === 'DryRun' ? [] : [name],
  )
  return names[0] ?? input.Attribute ?? ''
}

/** The reference lists volumes for ModifyInstanceAttribute: those whose mappings it changes. */
function mappedVolumes(
  account: Account,
  { InstanceId, BlockDeviceMappings }: ModifyInstanceAttributeRequest,
): Target[] {
  const attachments = account.instances.get(InstanceId ?? '')?.attachments
  return (BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }) => {
    const id = Ebs?.VolumeId ?? attachments?.get(DeviceName ?? '')?.volume.id
    return id === undefined ? [] : [volumeTarget(account, id)]
  })
}

export const instanceAccess = (account: Account, roleOfProfile: RoleOfProfile): AccessMap => {
  const ofEach =
    (action: string): AccessOf =>
    ({ InstanceIds }: StartInstancesRequest) =>
      asks(
        action,
        (InstanceIds ?? []).map((id) => instanceTarget(account, id)),
      )
  return {
    RunInstances: (input: RunInstancesRequest) => runInstancesAsks(account, input, roleOfProfile),
    StartInstances: ofEach('StartInstances'),
    StopInstances: ofEach('StopInstances'),
    RebootInstances: ofEach('RebootInstances'),
    TerminateInstances: ofEach('TerminateInstances'),
    DescribeInstanceAttribute: ({ InstanceId }: DescribeInstanceAttributeRequest) =>
      asks('DescribeInstanceAttribute', [instanceTarget(account, InstanceId)]),
    ModifyInstanceAttribute: (input: ModifyInstanceAttributeRequest) =>
      asks('ModifyInstanceAttribute', [instanceTarget(account, input.InstanceId), ...mappedVolumes(account, input)], {
        'ec2:Attribute': modifiedAttribute(input),
      }),
    CreateTags: ({ Resources, Tags }: CreateTagsRequest) =>
      asks(
        'CreateTags',
        (Resources ?? []).map((id) => targetOf(account, id)),
        requestTags(Tags),
      ),
    DeleteTags: ({ Resources, Tags }: DeleteTagsRequest) =>
      asks(
        'DeleteTags',
        (Resources ?? []).map((id) => targetOf(account, id)),
        requestTags(Tags),
      ),
  }
}
