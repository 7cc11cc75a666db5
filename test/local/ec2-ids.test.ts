/** Ids that are none, wherever a request may hold one. */
import * as sdk from '@aws-sdk/client-ec2'
import { expect, it } from 'vitest'

import { members, readModel, valueSchema } from '../../local/wire/model.ts'
import type { Operation, Operations } from '../../local/wire/service.ts'
import { CALLER, testAccount } from './ec2-account.ts'
import { placesIn, RandomValues } from './random-values.ts'

const MALFORMED: Readonly<Record<string, string>> = {
  AssociatedSubnetIds: 'InvalidSubnetId.Malformed',
  ExcludeDataVolumeIds: 'InvalidParameterValue',
  GroupId: 'InvalidGroupId.Malformed',
  GroupIds: 'InvalidGroupId.Malformed',
  Groups: 'InvalidGroupId.Malformed',
  ImageId: 'InvalidAMIID.Malformed',
  ImageIds: 'InvalidAMIID.Malformed',
  InstanceId: 'InvalidInstanceID.Malformed',
  InstanceIds: 'InvalidInstanceID.Malformed',
  NetworkInterfaceId: 'InvalidNetworkInterfaceId.Malformed',
  NetworkInterfaceIds: 'InvalidNetworkInterfaceId.Malformed',
  ReplaceRootVolumeTaskIds: 'InvalidReplaceRootVolumeTaskId.Malformed',
  SecurityGroupIds: 'InvalidGroupId.Malformed',
  SecurityGroupRuleIds: 'InvalidSecurityGroupRuleId.Malformed',
  SnapshotId: 'InvalidSnapshotID.Malformed',
  SnapshotIds: 'InvalidSnapshotID.Malformed',
  SourceImageId: 'InvalidAMIID.Malformed',
  SourceSnapshotId: 'InvalidSnapshotID.Malformed',
  SpotInstanceRequestIds: 'InvalidSpotInstanceRequestID.Malformed',
  SubnetId: 'InvalidSubnetId.Malformed',
  SubnetIds: 'InvalidSubnetId.Malformed',
  VolumeId: 'InvalidParameterValue',
  VolumeIds: 'InvalidParameterValue',
  VpcId: 'InvalidVpcId.Malformed',
  VpcIds: 'InvalidVpcId.Malformed',
}

/** What has no code for malformed ones, is no id of EC2's own, or is refused whatever it is. */
const OTHER_IDS =
  /^(A(llocation|ssociation|ttachment)Ids?|(Destination)?AvailabilityZoneId|CapacityReservationId|HostId|Ip(v[46])?amPoolId|Ipv[46]IpamPoolId|KernelId|KeyPairIds?|KmsKeyId|LaunchTemplateId|MetricCategoryIds|OwnerIds|PrefixListId|RamdiskId|RestorableByUserIds|SecondarySubnetId|SourceSecurityGroupOwnerId|UserIds?|VpcPeeringConnectionId|ZoneIds)$/

const model = readModel({ sdk, clientName: 'EC2Client' })
/** Members that are required are not looked at before ids are: none is made. */
const NOTHING = new RandomValues(
  1,
  () => true,
  () => undefined,
)
NOTHING.structure = () => ({})

const refusalOf = async (operation: Operation, input: object): Promise<unknown> => {
  try {
    await operation(input as never, CALLER)
    return 'none'
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}

/** Every operation with every member that may hold a wanted id. */
const places = (operations: Operations, isWanted: (structure: string | undefined, member: string) => boolean) =>
  Object.entries(operations).flatMap(([name, operation]: [string, Operation]) => {
    const input = model.operations.get(name)?.input
    if (!input) throw new Error(`EC2 has no ${name}`)
    return placesIn(NOTHING, input, isWanted).map((place) => ({ ...place, operation, at: name }))
  })

/** A placement's group is a placement group. */
const isInTable = (structure: string | undefined, member: string): boolean =>
  member in MALFORMED && structure !== 'Placement'

it('are refused by the code of their kind, whatever the operation (AWS facts A.4, A.21, A.23)', async () => {
  let count = 0
  for (const { name, isList, around, operation, at } of places(testAccount().operations, isInTable)) {
    for (const id of ['i-12', 'vol-0123456789abcdeg0', 'ami0123456789abcdef0', 'snap-0123456789ABCDEF0', 'anything']) {
      const code = await refusalOf(operation, around(isList ? [id] : id))
      if (code === 'UnsupportedOperation') break
      expect([at, name, id, code]).toEqual([at, name, id, MALFORMED[name]])
      count += 1
    }
  }
  expect(count).toBeGreaterThan(300)
})

it('are known as such for every member that is named like one', () => {
  const named = new Set<string>()
  for (const operation of Object.keys(testAccount().operations)) {
    const visit = (schema: ReturnType<typeof valueSchema>, depth: number): void => {
      if (schema.isListSchema()) return visit(valueSchema(schema), depth)
      if (!schema.isStructSchema() || depth > 5) return
      for (const [name, member] of members(schema)) {
        const held = member.isListSchema() ? valueSchema(member) : member
        if (held.isStringSchema() && /Ids?$/.test(name)) named.add(name)
        visit(member, depth + 1)
      }
    }
    const input = model.operations.get(operation)?.input
    if (input) visit(input, 0)
  }
  expect([...named].filter((name) => !(name in MALFORMED) && !OTHER_IDS.test(name))).toEqual([])
})

it('are told in the words of EC2', async () => {
  const { operations } = testAccount()
  const text = (name: string, input: object) =>
    Promise.resolve()
      .then(() => operations[name]?.(input as never, CALLER))
      .then(
        () => 'none',
        (error: Error) => error.message,
      )
  expect(await text('StopInstances', { InstanceIds: ['None'] })).toBe('Invalid id: "None"')
  expect(await text('RunInstances', { ImageId: 'ami-xxxxxxxx' })).toBe(
    'Invalid id: "ami-xxxxxxxx" (expecting "ami-...")',
  )
  expect(await text('CreateSnapshot', { VolumeId: 'in-use' })).toBe(
    "Value (in-use) for parameter volumeId is invalid. Expected: 'vol-...'.",
  )
  expect(await text('DescribeVolumes', { VolumeIds: ['vol-x'] })).toBe(
    "Value (vol-x) for parameter volumes is invalid. Expected: 'vol-...'.",
  )
  expect(await text('CreateTags', { Resources: ['i-xyz'], Tags: [{ Key: 'a', Value: 'b' }] })).toBe(
    "The ID 'i-xyz' is not valid",
  )
})
