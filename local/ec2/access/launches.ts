/** What RunInstances asks: of everything that it uses and makes. */
import type { BlockDeviceMapping, RunInstancesRequest } from '@aws-sdk/client-ec2'
import { passRole, request, requestTags } from '../../wire/access.ts'
import type { AccessRequest } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { defaultGroupOf } from '../network/security-groups.ts'
import { arnOf, asks, asksToMake, imageTarget, networkTarget, present, snapshotTarget } from './resources.ts'
import type { Target } from './resources.ts'

/** The role in an instance profile; undefined: there is none. */
export type RoleOfProfile = (profileArn: string) => string | undefined

export function runInstancesAsks(
  account: Account,
  input: RunInstancesRequest,
  roleOfProfile: RoleOfProfile,
): AccessRequest[] {
  const { TagSpecifications: specifications, IamInstanceProfile: profile, KeyName: keyName } = input
  const profileArn =
    profile && (profile.Arn ?? `arn:aws:iam::${account.accountId}:instance-profile/${profile.Name ?? ''}`)
  const roleArn = profileArn && roleOfProfile(profileArn)
  const key = [...account.keyPairs.values()].find(({ name }) => name === keyName)
  return [
    ...asks('RunInstances', [imageTarget(account, input.ImageId)]),
    ...asksToMake(account, 'RunInstances', 'instance', specifications, {
      ...present({
        'ec2:InstanceType': input.InstanceType,
        'ec2:InstanceProfile': profileArn,
        'ec2:InstanceMarketType': input.InstanceMarketOptions?.MarketType ?? 'on-demand',
        'ec2:MetadataHttpTokens': input.MetadataOptions?.HttpTokens,
        'ec2:Tenancy': 'default',
      }),
    }),
    ...networkAsks(account, input),
    ...(keyName === undefined ? [] : asks('RunInstances', [keyTarget(account, key?.id, keyName)])),
    ...(input.InstanceMarketOptions === undefined
      ? []
      : asksToMake(account, 'RunInstances', 'spot-instances-request', specifications)),
    ...diskAsks(account, input),
    ...(roleArn === undefined ? [] : [passRole(roleArn, 'ec2.amazonaws.com')]),
  ]
}

/** Key pairs are named in ARNs, not numbered. */
const keyTarget = (account: Account, id: string | undefined, name: string): Target => ({
  arn: arnOf(account, 'key-pair', name),
  context: id === undefined ? {} : networkTarget(account, id).context,
})

/** The interfaces that are used or made, and the subnets and groups that they are in. */
function networkAsks(account: Account, input: RunInstancesRequest): AccessRequest[] {
  const { NetworkInterfaces: interfaces = [], TagSpecifications: specifications } = input
  const specified = interfaces.length > 0 ? interfaces : [{ SubnetId: input.SubnetId, Groups: input.SecurityGroupIds }]
  return specified.flatMap((one) => {
    if ('NetworkInterfaceId' in one && one.NetworkInterfaceId !== undefined)
      return asks('RunInstances', [networkTarget(account, one.NetworkInterfaceId)])
    const subnetId = one.SubnetId ?? defaultSubnetId(account) ?? '*'
    const vpcId = account.subnets.get(subnetId)?.vpcId
    const vpc = present({ 'ec2:Vpc': vpcId && arnOf(account, 'vpc', vpcId) })
    const groups = one.Groups?.length ? one.Groups : vpcId === undefined ? [] : [defaultGroupOf(account, vpcId).id]
    return [
      ...asksToMake(account, 'RunInstances', 'network-interface', specifications, vpc),
      ...asks(
        'RunInstances',
        [subnetId, ...groups].map((id) => networkTarget(account, id, vpc)),
      ),
    ]
  })
}

function defaultSubnetId({ subnets }: Account): string | undefined {
  for (const { id, isDefault } of subnets.values()) if (isDefault) return id
  return undefined
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
