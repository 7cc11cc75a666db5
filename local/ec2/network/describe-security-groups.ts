/** DescribeSecurityGroups and DescribeSecurityGroupRules. */
import type {
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupsRequest,
  IpPermission,
  SecurityGroup as SecurityGroupOutput,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../../wire/service.ts'
import { Collection } from '../collection.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import { SECURITY_GROUP, SECURITY_GROUP_RULE } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Resource } from '../resource.ts'
import { operation } from '../request.ts'
import { toTagList } from '../tags.ts'
import type { SecurityGroup, SecurityGroupRule } from './model.ts'
import { groupArn, groupNamed, toRuleOutput } from './security-groups.ts'

/** Rules of the same ports are one permission with several peers. */
function permissionsOf(account: Account, { rules }: SecurityGroup, isEgress: boolean): IpPermission[] {
  const ports = Map.groupBy(
    rules.filter((rule) => rule.isEgress === isEgress),
    ({ protocol, fromPort, toPort }) => `${protocol} ${fromPort} ${toPort}`,
  )
  return [...ports.values()].map((peers) => {
    const [first] = peers
    return {
      IpProtocol: first?.protocol,
      FromPort: first?.protocol === '-1' ? undefined : first?.fromPort,
      ToPort: first?.protocol === '-1' ? undefined : first?.toPort,
      IpRanges: peers.flatMap(({ cidrIpv4, description }) =>
        cidrIpv4 === undefined ? [] : [{ CidrIp: cidrIpv4, Description: description }],
      ),
      Ipv6Ranges: peers.flatMap(({ cidrIpv6, description }) =>
        cidrIpv6 === undefined ? [] : [{ CidrIpv6: cidrIpv6, Description: description }],
      ),
      UserIdGroupPairs: peers.flatMap(({ groupId, description }) =>
        groupId === undefined ? [] : [{ GroupId: groupId, UserId: account.accountId, Description: description }],
      ),
      PrefixListIds: [],
    }
  })
}

const toGroupOutput = (account: Account, group: SecurityGroup): SecurityGroupOutput => ({
  GroupId: group.id,
  GroupName: group.name,
  Description: group.description,
  VpcId: group.vpcId,
  OwnerId: account.accountId,
  SecurityGroupArn: groupArn(account, group.id),
  IpPermissions: permissionsOf(account, group, false),
  IpPermissionsEgress: permissionsOf(account, group, true),
  Tags: toTagList(group.tags),
})

const permissionFilters = (prefix: string, path: string): Record<string, string> => ({
  [`${prefix}cidr`]: `${path}.IpRanges.CidrIp`,
  [`${prefix}from-port`]: `${path}.FromPort`,
  [`${prefix}group-id`]: `${path}.UserIdGroupPairs.GroupId`,
  [`${prefix}group-name`]: '',
  [`${prefix}ipv6-cidr`]: `${path}.Ipv6Ranges.CidrIpv6`,
  [`${prefix}prefix-list-id`]: '',
  [`${prefix}protocol`]: `${path}.IpProtocol`,
  [`${prefix}to-port`]: `${path}.ToPort`,
  [`${prefix}user-id`]: `${path}.UserIdGroupPairs.UserId`,
})

function describeGroups(account: Account, request: DescribeSecurityGroupsRequest): object {
  const show = (group: SecurityGroup): SecurityGroupOutput => toGroupOutput(account, group)
  const filters = shownBy(show, {
    description: 'Description',
    ...permissionFilters('egress.ip-permission.', 'IpPermissionsEgress'),
    'group-id': 'GroupId',
    'group-name': 'GroupName',
    ...permissionFilters('ip-permission.', 'IpPermissions'),
    'owner-id': 'OwnerId',
    'vpc-id': 'VpcId',
  })
  const ids = [...(request.GroupIds ?? []), ...(request.GroupNames ?? []).map((name) => groupNamed(account, name).id)]
  const description = { kind: SECURITY_GROUP, among: account.securityGroups, filters, idsParameter: 'groupIdSet' }
  const { items, nextToken } = describe(account, description, request, ids)
  return { SecurityGroups: items.map(show), NextToken: nextToken }
}

interface RuleItem extends Resource {
  readonly group: SecurityGroup
  readonly rule: SecurityGroupRule
}

function describeRules(account: Account, request: DescribeSecurityGroupRulesRequest): object {
  const among = new Collection<RuleItem>(() => true)
  let order = 0
  for (const group of account.securityGroups.values())
    for (const rule of group.rules)
      among.set(rule.id, { id: rule.id, order: (order += 1), createdMs: 0, tags: new Map(), group, rule })
  const filters = {
    'group-id': ({ group }: RuleItem) => group.id,
    'security-group-rule-id': ({ id }: RuleItem) => id,
  }
  const description = { kind: SECURITY_GROUP_RULE, among, filters, idsParameter: 'securityGroupRuleIds' }
  const { items, nextToken } = describe(account, description, request, request.SecurityGroupRuleIds)
  return {
    SecurityGroupRules: items.map(({ group, rule }) => toRuleOutput(account, group, rule)),
    NextToken: nextToken,
  }
}

export const securityGroupDescriptions = (account: Account): Operations => ({
  DescribeSecurityGroups: operation<DescribeSecurityGroupsRequest>(
    ['GroupIds', 'GroupNames', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeGroups(account, input),
  ),
  DescribeSecurityGroupRules: operation<DescribeSecurityGroupRulesRequest>(
    ['SecurityGroupRuleIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeRules(account, input),
  ),
})
