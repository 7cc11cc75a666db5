/** What is asked of interfaces, addresses, VPCs, groups and key pairs. */
import type {
  AllocateAddressRequest,
  AssociateAddressRequest,
  AttachNetworkInterfaceRequest,
  CreateKeyPairRequest,
  CreateNetworkInterfaceRequest,
  CreateSecurityGroupRequest,
  CreateSubnetRequest,
  CreateVpcRequest,
  DeleteKeyPairRequest,
  DetachNetworkInterfaceRequest,
  DisassociateAddressRequest,
} from '@aws-sdk/client-ec2'
import { anyResource, type AccessMap } from '../../wire/access.ts'
import type { AccessOf } from '../../wire/service.ts'
import type { Account } from '../model.ts'
import { arnOf, asks, asksToMake, instanceTarget, networkTarget } from './resources.ts'
import type { Target } from './resources.ts'

/** Operations that ask for nothing but the resource that this parameter names. */
const NAMED: Readonly<Record<string, string>> = {
  AssignPrivateIpAddresses: 'NetworkInterfaceId',
  AuthorizeSecurityGroupEgress: 'GroupId',
  AuthorizeSecurityGroupIngress: 'GroupId',
  DeleteNetworkInterface: 'NetworkInterfaceId',
  DeleteSecurityGroup: 'GroupId',
  DeleteSubnet: 'SubnetId',
  DeleteVpc: 'VpcId',
  ModifyNetworkInterfaceAttribute: 'NetworkInterfaceId',
  ModifySubnetAttribute: 'SubnetId',
  ModifyVpcAttribute: 'VpcId',
  ReleaseAddress: 'AllocationId',
  RevokeSecurityGroupEgress: 'GroupId',
  RevokeSecurityGroupIngress: 'GroupId',
  UnassignPrivateIpAddresses: 'NetworkInterfaceId',
}

const NAMED_TYPES: Readonly<Record<string, string>> = {
  AllocationId: 'elastic-ip',
  GroupId: 'security-group',
  NetworkInterfaceId: 'network-interface',
  SubnetId: 'subnet',
  VpcId: 'vpc',
}

const namedAccess =
  (account: Account, action: string, parameter: string): AccessOf =>
  (input: object) => {
    const id: unknown = Reflect.get(input, parameter)
    // Named in another way, e.g. a group by its name: any of them.
    const target =
      typeof id === 'string'
        ? networkTarget(account, id)
        : { arn: arnOf(account, NAMED_TYPES[parameter] ?? '*', '*'), context: {} }
    return asks(action, [target])
  }

/** The two sides of an attachment. */
function attachmentTargets(account: Account, attachmentId: string | undefined): Target[] {
  for (const { id, attachment } of account.interfaces.values())
    if (attachment?.id === attachmentId && attachment)
      return [networkTarget(account, id), instanceTarget(account, attachment.instanceId)]
  return [{ arn: arnOf(account, 'network-interface', '*'), context: {} }]
}

function addressTargets(account: Account, request: AssociateAddressRequest & DisassociateAddressRequest): Target[] {
  const { AllocationId, AssociationId, PublicIp, InstanceId, NetworkInterfaceId } = request
  const address = [...account.addresses.values()].find(
    ({ id, publicIp, association }) =>
      id === AllocationId || publicIp === PublicIp || (association && association.id === AssociationId),
  )
  return [
    networkTarget(account, address?.id ?? AllocationId ?? 'eipalloc-0'),
    ...(InstanceId === undefined ? [] : [instanceTarget(account, InstanceId)]),
    ...(NetworkInterfaceId === undefined ? [] : [networkTarget(account, NetworkInterfaceId)]),
  ]
}

const keyAsks = (account: Account, action: string, { KeyName, TagSpecifications }: CreateKeyPairRequest) => [
  ...asks(action, [{ arn: arnOf(account, 'key-pair', KeyName ?? ''), context: {} }]),
  ...asksToMake(account, action, 'key-pair', TagSpecifications).slice(1),
]

export const networkAccess = (account: Account): AccessMap => ({
  DescribeNetworkInterfaceAttribute: anyResource('ec2:DescribeNetworkInterfaceAttribute'),
  ...Object.fromEntries(
    Object.entries(NAMED).map(([action, parameter]) => [action, namedAccess(account, action, parameter)]),
  ),
  CreateNetworkInterface: ({ SubnetId = '', Groups = [], TagSpecifications }: CreateNetworkInterfaceRequest) => [
    ...asksToMake(account, 'CreateNetworkInterface', 'network-interface', TagSpecifications),
    ...asks(
      'CreateNetworkInterface',
      [SubnetId, ...Groups].map((id) => networkTarget(account, id)),
    ),
  ],
  AttachNetworkInterface: ({ NetworkInterfaceId = '', InstanceId }: AttachNetworkInterfaceRequest) =>
    asks('AttachNetworkInterface', [networkTarget(account, NetworkInterfaceId), instanceTarget(account, InstanceId)]),
  DetachNetworkInterface: ({ AttachmentId }: DetachNetworkInterfaceRequest) =>
    asks('DetachNetworkInterface', attachmentTargets(account, AttachmentId)),
  AllocateAddress: ({ TagSpecifications }: AllocateAddressRequest) =>
    asksToMake(account, 'AllocateAddress', 'elastic-ip', TagSpecifications),
  AssociateAddress: (input: AssociateAddressRequest) => asks('AssociateAddress', addressTargets(account, input)),
  DisassociateAddress: (input: DisassociateAddressRequest) =>
    asks('DisassociateAddress', addressTargets(account, input)),
  CreateVpc: ({ TagSpecifications }: CreateVpcRequest) => asksToMake(account, 'CreateVpc', 'vpc', TagSpecifications),
  CreateSubnet: ({ VpcId = '', TagSpecifications }: CreateSubnetRequest) => [
    ...asksToMake(account, 'CreateSubnet', 'subnet', TagSpecifications),
    ...asks('CreateSubnet', [networkTarget(account, VpcId)]),
  ],
  CreateSecurityGroup: ({ VpcId, TagSpecifications }: CreateSecurityGroupRequest) => [
    ...asksToMake(account, 'CreateSecurityGroup', 'security-group', TagSpecifications),
    ...(VpcId === undefined ? [] : asks('CreateSecurityGroup', [networkTarget(account, VpcId)])),
  ],
  CreateKeyPair: (input: CreateKeyPairRequest) => keyAsks(account, 'CreateKeyPair', input),
  ImportKeyPair: (input: CreateKeyPairRequest) => keyAsks(account, 'ImportKeyPair', input),
  DeleteKeyPair: ({ KeyName, KeyPairId }: DeleteKeyPairRequest) =>
    asks('DeleteKeyPair', [
      { arn: arnOf(account, 'key-pair', KeyName ?? account.keyPairs.get(KeyPairId ?? '')?.name ?? '*'), context: {} },
    ]),
})
