/** Security groups and their rules. Nothing filters packets here: the rules are kept, checked and shown. */
import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  CreateSecurityGroupRequest,
  DeleteSecurityGroupRequest,
  IpPermission,
  RevokeSecurityGroupEgressRequest,
  RevokeSecurityGroupIngressRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { SECURITY_GROUP, SECURITY_GROUP_RULE, VPC, find } from '../ids.ts'
import type { Account } from '../model.ts'
import { invalidValue, operation, required, supportOnly } from '../request.ts'
import { mergeTags, tagsOnCreation } from '../tags.ts'
import { requiredBlock } from './cidr.ts'
import type { SecurityGroup, SecurityGroupRule } from './model.ts'

const RULES_MAX = 60
const NAME_MAX = 255
const PROTOCOLS: Readonly<Record<string, string>> = { 6: 'tcp', 17: 'udp', 1: 'icmp', 58: 'icmpv6', all: '-1' }
const TEXT = /^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]*$/

type Named = Omit<SecurityGroupRule, 'id'>

function addGroup(
  account: Account,
  group: Pick<SecurityGroup, 'vpcId' | 'name' | 'description' | 'tags' | 'createdMs'>,
): SecurityGroup {
  const added: SecurityGroup = {
    ...group,
    id: account.ids.next('sg'),
    order: account.nextOrder(),
    rules: [{ ...ALL_TRAFFIC, id: account.ids.next('sgr'), isEgress: true, cidrIpv4: '0.0.0.0/0' }],
  }
  account.securityGroups.set(added.id, added)
  return added
}

const ALL_TRAFFIC = { protocol: '-1', fromPort: -1, toPort: -1 }

/** Every VPC has a group `default`, whose members reach each other. */
export function addDefaultGroup(account: Account, vpcId: string): void {
  const description = 'default VPC security group'
  // It has always been there: it is never too new to be known.
  const group = addGroup(account, { vpcId, name: 'default', description, tags: new Map(), createdMs: 0 })
  group.rules.push({ ...ALL_TRAFFIC, id: account.ids.next('sgr'), isEgress: false, groupId: group.id })
}

export const defaultGroupOf = ({ securityGroups }: Account, vpcId: string): SecurityGroup => {
  for (const group of securityGroups.values()) if (group.vpcId === vpcId && group.name === 'default') return group
  throw new Error(`The VPC ${vpcId} has no default security group.`)
}

function createGroup(account: Account, request: CreateSecurityGroupRequest): object {
  const name = required(request.GroupName, 'groupName')
  const description = required(request.Description, 'groupDescription')
  const vpcId = request.VpcId === undefined ? defaultVpcId(account) : find(VPC, account.vpcs, request.VpcId).id
  if (name.length > NAME_MAX || name.startsWith('sg-') || !TEXT.test(name))
    throw invalidValue(`Value (${name}) for parameter GroupName is invalid.`)
  if (description.length > NAME_MAX || !TEXT.test(description))
    throw invalidValue(`Value (${description}) for parameter GroupDescription is invalid.`)
  for (const group of account.securityGroups.values())
    if (group.vpcId === vpcId && group.name === name)
      throw new AwsError('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpcId}'`)
  if (account.securityGroups.size >= account.quotas.securityGroups)
    throw new AwsError('SecurityGroupLimitExceeded', 'The maximum number of security groups has been reached.')
  const tags = mergeTags(new Map(), tagsOnCreation(request.TagSpecifications, ['security-group'])['security-group'])
  const { id } = addGroup(account, { vpcId, name, description, tags, createdMs: account.clock.now() })
  return { GroupId: id, SecurityGroupArn: groupArn(account, id) }
}

export const groupArn = ({ accountId, region }: Account, id: string): string =>
  `arn:aws:ec2:${region}:${accountId}:security-group/${id}`

/** @throws AwsError VPCIdNotSpecified */
export function defaultVpcId({ vpcs }: Account): string {
  for (const vpc of vpcs.values()) if (vpc.isDefault) return vpc.id
  throw new AwsError('VPCIdNotSpecified', 'No default VPC for this user')
}

/** By id, or by name, which only groups of the default VPC may be called by. */
function groupMeant(account: Account, { GroupId, GroupName }: { GroupId?: string; GroupName?: string }): SecurityGroup {
  if (GroupId !== undefined) return find(SECURITY_GROUP, account.securityGroups, GroupId)
  return groupNamed(account, required(GroupName, 'groupId'))
}

/** @throws AwsError InvalidGroup.NotFound */
export function groupNamed(account: Account, name: string): SecurityGroup {
  const vpcId = defaultVpcId(account)
  for (const group of account.securityGroups.values()) if (group.vpcId === vpcId && group.name === name) return group
  throw new AwsError('InvalidGroup.NotFound', `The security group '${name}' does not exist in default VPC '${vpcId}'`)
}

function deleteGroup(account: Account, request: DeleteSecurityGroupRequest): object {
  const group = groupMeant(account, request)
  if (group.name === 'default')
    throw new AwsError('CannotDelete', `the specified group: "${group.id}" name: "default" cannot be deleted by a user`)
  const isUsed = [...account.interfaces.values()].some(({ groupIds }) => groupIds.includes(group.id))
  const others = [...account.securityGroups.values()].filter(({ id }) => id !== group.id)
  if (isUsed || others.some(({ rules }) => rules.some(({ groupId }) => groupId === group.id)))
    throw new AwsError('DependencyViolation', `resource ${group.id} has a dependent object`)
  account.securityGroups.delete(group.id)
  return { Return: true, GroupId: group.id }
}

function portsOf(protocol: string, { FromPort, ToPort }: IpPermission): Pick<Named, 'fromPort' | 'toPort'> {
  if (protocol !== 'tcp' && protocol !== 'udp') return { fromPort: FromPort ?? -1, toPort: ToPort ?? -1 }
  const fromPort = required(FromPort, 'fromPort')
  const toPort = required(ToPort, 'toPort')
  if (fromPort < 0 || toPort > 65_535 || fromPort > toPort)
    throw invalidValue(`Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.`)
  return { fromPort, toPort }
}

function rulesOf(account: Account, isEgress: boolean, permissions: readonly IpPermission[]): Named[] {
  return permissions.flatMap((permission) => {
    supportOnly(
      permission,
      ['IpProtocol', 'FromPort', 'ToPort', 'IpRanges', 'Ipv6Ranges', 'UserIdGroupPairs'],
      'IpPermissions.',
    )
    const given = required(permission.IpProtocol, 'ipProtocol')
    const protocol = PROTOCOLS[given] ?? given
    if (!/^(tcp|udp|icmp|icmpv6|-1|\d{1,3})$/.test(protocol))
      throw invalidValue(`Invalid value '${protocol}' for IP protocol. Unknown protocol.`)
    const rule = { isEgress, protocol, ...(protocol === '-1' ? ALL_TRAFFIC : portsOf(protocol, permission)) }
    const { IpRanges = [], Ipv6Ranges = [], UserIdGroupPairs = [] } = permission
    const peers = [
      ...IpRanges.map(({ CidrIp = '', Description }) => {
        requiredBlock(CidrIp, 'cidrIp')
        return { ...rule, cidrIpv4: CidrIp, description: Description }
      }),
      ...Ipv6Ranges.map(({ CidrIpv6, Description }) => ({ ...rule, cidrIpv6: CidrIpv6, description: Description })),
      ...UserIdGroupPairs.map((pair) => ({
        ...rule,
        groupId: groupMeant(account, pair).id,
        description: pair.Description,
      })),
    ]
    if (peers.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter cidrIp')
    return peers
  })
}

const keyOf = ({ isEgress, protocol, fromPort, toPort, cidrIpv4, cidrIpv6, groupId }: Named): string =>
  [isEgress, protocol, fromPort, toPort, cidrIpv4, cidrIpv6, groupId].join(' ')

interface RuleRequest {
  readonly GroupId?: string
  readonly GroupName?: string
  readonly IpPermissions?: readonly IpPermission[]
  readonly IpProtocol?: string
  readonly FromPort?: number
  readonly ToPort?: number
  readonly CidrIp?: string
  readonly SecurityGroupRuleIds?: readonly string[]
}

/** The rules of a request, in whichever of the two ways they are given. */
function namedRules(account: Account, isEgress: boolean, request: RuleRequest): Named[] {
  const { IpPermissions = [], IpProtocol, FromPort, ToPort, CidrIp } = request
  const single =
    IpProtocol === undefined && CidrIp === undefined ? [] : [{ IpProtocol, FromPort, ToPort, IpRanges: [{ CidrIp }] }]
  const permissions = [...IpPermissions, ...single]
  return rulesOf(account, isEgress, permissions)
}

function authorize(account: Account, isEgress: boolean, request: RuleRequest): object {
  const group = groupMeant(account, request)
  const rules = namedRules(account, isEgress, request)
  if (rules.length === 0) throw new AwsError('MissingParameter', 'The request must contain the parameter ipPermissions')
  const present = new Set(group.rules.map(keyOf))
  for (const rule of rules) {
    if (present.has(keyOf(rule)))
      throw new AwsError('InvalidPermission.Duplicate', `the specified rule "${keyOf(rule)}" already exists`)
    present.add(keyOf(rule))
  }
  if (group.rules.filter((rule) => rule.isEgress === isEgress).length + rules.length > RULES_MAX)
    throw new AwsError(
      'RulesPerSecurityGroupLimitExceeded',
      'The maximum number of rules per security group has been reached.',
    )
  const added = rules.map((rule) => ({ ...rule, id: account.ids.next('sgr') }))
  group.rules.push(...added)
  return { Return: true, SecurityGroupRules: added.map((rule) => toRuleOutput(account, group, rule)) }
}

export const toRuleOutput = (
  { accountId, region }: Account,
  group: SecurityGroup,
  rule: SecurityGroupRule,
): object => ({
  SecurityGroupRuleId: rule.id,
  SecurityGroupRuleArn: `arn:aws:ec2:${region}:${accountId}:security-group-rule/${rule.id}`,
  GroupId: group.id,
  GroupOwnerId: accountId,
  IsEgress: rule.isEgress,
  IpProtocol: rule.protocol,
  FromPort: rule.fromPort,
  ToPort: rule.toPort,
  CidrIpv4: rule.cidrIpv4,
  CidrIpv6: rule.cidrIpv6,
  ReferencedGroupInfo: rule.groupId === undefined ? undefined : { GroupId: rule.groupId, UserId: accountId },
  Description: rule.description,
})

/** In a VPC, to revoke a rule that is not there is an error. */
function revoke(account: Account, isEgress: boolean, request: RuleRequest): object {
  const group = groupMeant(account, request)
  const gone = new Set<string>()
  for (const id of request.SecurityGroupRuleIds ?? []) {
    const rule = group.rules.find((one) => one.id === id && one.isEgress === isEgress)
    if (!rule) throw new AwsError(SECURITY_GROUP_RULE.notFoundCode, SECURITY_GROUP_RULE.notFound(id))
    gone.add(id)
  }
  for (const named of namedRules(account, isEgress, request)) {
    const rule = group.rules.find((one) => keyOf(one) === keyOf(named))
    if (!rule)
      throw new AwsError('InvalidPermission.NotFound', 'The specified rule does not exist in this security group.')
    gone.add(rule.id)
  }
  group.rules = group.rules.filter(({ id }) => !gone.has(id))
  return { Return: true }
}

const RULE_PARAMETERS = ['GroupId', 'IpPermissions', 'IpProtocol', 'FromPort', 'ToPort', 'CidrIp'] as const

export const securityGroupOperations = (account: Account): Operations => ({
  CreateSecurityGroup: operation<CreateSecurityGroupRequest>(
    ['GroupName', 'Description', 'VpcId', 'TagSpecifications'],
    (input) => createGroup(account, input),
  ),
  DeleteSecurityGroup: operation<DeleteSecurityGroupRequest>(['GroupId', 'GroupName'], (input) =>
    deleteGroup(account, input),
  ),
  AuthorizeSecurityGroupIngress: operation<AuthorizeSecurityGroupIngressRequest>(
    [...RULE_PARAMETERS, 'GroupName'],
    (input) => authorize(account, false, input),
  ),
  AuthorizeSecurityGroupEgress: operation<AuthorizeSecurityGroupEgressRequest>(RULE_PARAMETERS, (input) =>
    authorize(account, true, input),
  ),
  RevokeSecurityGroupIngress: operation<RevokeSecurityGroupIngressRequest>(
    [...RULE_PARAMETERS, 'GroupName', 'SecurityGroupRuleIds'],
    (input) => revoke(account, false, input),
  ),
  RevokeSecurityGroupEgress: operation<RevokeSecurityGroupEgressRequest>(
    [...RULE_PARAMETERS, 'SecurityGroupRuleIds'],
    (input) => revoke(account, true, input),
  ),
})
