/** What RunInstances asks: of everything that it uses and makes. */
import type { BlockDeviceMapping, RunInstancesRequest } from '@aws-sdk/client-ec2'
import { passRole, request, requestTags } from '../../wire/access.ts'
import type { AccessRequest } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { arnOf, asks, asksToMake, imageTarget, present, snapshotTarget } from './resources.ts'

/** The role in an instance profile; undefined: there is none. */
export type RoleOfProfile = (profileArn: string) => string | undefined

export function runInstancesAsks(
  account: Account,
  input: RunInstancesRequest,
  roleOfProfile: RoleOfProfile,
): AccessRequest[] {
  const { network } = account
  const { TagSpecifications: specifications, IamInstanceProfile: profile } = input
  const profileArn =
    profile && (profile.Arn ?? `arn:aws:iam::${account.accountId}:instance-profile/${profile.Name ?? ''}`)
  const roleArn = profileArn && roleOfProfile(profileArn)
  const subnetId = input.SubnetId ?? network.zones[0]?.subnetId ?? '*'
  const groups = input.SecurityGroupIds?.length ? input.SecurityGroupIds : [network.securityGroupId]
  const vpc = { 'ec2:Vpc': arnOf(account, 'vpc', network.vpcId) }
  return [
    ...asks('RunInstances', [imageTarget(account, input.ImageId)]),
    ...asksToMake(account, 'RunInstances', 'instance', specifications, {
      ...present({
        'ec2:InstanceType': input.InstanceType,
        'ec2:InstanceProfile': profileArn,
        'ec2:MetadataHttpTokens': input.MetadataOptions?.HttpTokens,
        'ec2:Tenancy': 'default',
      }),
    }),
    ...asksToMake(account, 'RunInstances', 'network-interface', specifications, vpc),
    request('ec2:RunInstances', arnOf(account, 'subnet', subnetId), vpc),
    ...groups.map((id) => request('ec2:RunInstances', arnOf(account, 'security-group', id), vpc)),
    ...diskAsks(account, input),
    ...(roleArn === undefined ? [] : [passRole(roleArn, 'ec2.amazonaws.com')]),
  ]
}

/** One volume for each disk that the request itself describes, and one for those of the image alone. */
function diskAsks(account: Account, input: RunInstancesRequest): AccessRequest[] {
  const described = (input.BlockDeviceMappings ?? []).filter(({ Ebs }) => Ebs)
  const mappings: readonly BlockDeviceMapping[] = described.length > 0 ? described : [{}]
  const tags = input.TagSpecifications?.find(({ ResourceType }) => ResourceType === 'volume')?.Tags ?? []
  const arn = arnOf(account, 'volume', '*')
  const given = requestTags(tags)
  return [
    ...mappings.flatMap(({ Ebs: ebs = {} }) => [
      request('ec2:RunInstances', arn, {
        ...given,
        ...present({
          'ec2:VolumeSize': ebs.VolumeSize,
          'ec2:VolumeType': ebs.VolumeType,
          'ec2:VolumeIops': ebs.Iops,
          'ec2:VolumeThroughput': ebs.Throughput,
          'ec2:Encrypted': ebs.Encrypted ?? false,
          'ec2:ParentSnapshot': ebs.SnapshotId === undefined ? undefined : arnOf(account, 'snapshot', ebs.SnapshotId),
        }),
      }),
      ...(ebs.SnapshotId === undefined ? [] : asks('RunInstances', [snapshotTarget(account, ebs.SnapshotId)])),
    ]),
    ...(tags.length > 0 ? [request('ec2:CreateTags', arn, { ...given, 'ec2:CreateAction': 'RunInstances' })] : []),
  ]
}
