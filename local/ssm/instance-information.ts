/** DescribeInstanceInformation: which instances an agent has registered on, and whether it answers. */
import type {
  DescribeInstanceInformationRequest,
  DescribeInstanceInformationResult,
  InstanceInformation,
} from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import type { Nodes } from './nodes.ts'
import { pageOf } from './paging.ts'
import { notImplemented, refuseUnknownMembers } from './refusals.ts'

const SMALLEST_PAGE = 5
const INSTANCE_ID = /^(i-[0-9a-f]{8}|i-[0-9a-f]{17}|mi-[0-9a-f]{17})$/
const OTHER_KEYS = ['ActivationIds', 'AssociationStatus', 'IamRole', 'SourceIds', 'SourceTypes']

interface Filter {
  readonly key: string
  readonly values: readonly string[]
}

/** `Filters` and the older `InstanceInformationFilterList` say the same in different words; a request has one of them. */
function filtersOf(input: DescribeInstanceInformationRequest): Filter[] {
  const newer = (input.Filters ?? []).map(({ Key, Values }) => ({ key: Key ?? '', values: Values ?? [] }))
  const older = (input.InstanceInformationFilterList ?? []).map(({ key, valueSet }) => ({
    key: key ?? '',
    values: valueSet ?? [],
  }))
  if (newer.length > 0 && older.length > 0)
    throw new AwsError('ValidationException', 'Filters and InstanceInformationFilterList cannot be used together.')
  return [...newer, ...older]
}

/** What a key is compared with, and what it may be compared to. */
const PROPERTIES: Readonly<
  Record<string, { of: (node: InstanceInformation) => string | undefined; among?: readonly string[] }>
> = {
  AgentVersion: { of: ({ AgentVersion }) => AgentVersion },
  PingStatus: { of: ({ PingStatus }) => PingStatus, among: ['Online', 'ConnectionLost', 'Inactive'] },
  PlatformTypes: { of: ({ PlatformType }) => PlatformType, among: ['Linux', 'MacOS', 'Windows'] },
  ResourceType: { of: ({ ResourceType }) => ResourceType, among: ['EC2Instance', 'ManagedInstance'] },
}

function matcherOf({ key, values }: Filter, nodes: Nodes): (node: InstanceInformation) => boolean {
  if (key === 'InstanceIds') {
    const malformed = values.find((value) => !INSTANCE_ID.test(value))
    if (malformed !== undefined) throw new AwsError('InvalidInstanceId', `The instance ID '${malformed}' is malformed.`)
    return ({ InstanceId = '' }) => values.includes(InstanceId)
  }
  const property = PROPERTIES[key]
  if (property) {
    const { of, among } = property
    if (values.length === 0 || (among && !values.every((value) => among.includes(value))))
      throw new AwsError('InvalidInstanceInformationFilterValue', `${key} is one of ${(among ?? []).join(', ')}.`)
    return (node) => values.includes(of(node) ?? '')
  }
  if (key === 'tag-key') return ({ InstanceId = '' }) => values.some((name) => nodes.tagsOf(InstanceId).has(name))
  if (key.startsWith('tag:'))
    return ({ InstanceId = '' }) => values.includes(nodes.tagsOf(InstanceId).get(key.slice('tag:'.length)) ?? '\0')
  if (OTHER_KEYS.includes(key)) throw notImplemented(`the filter ${key} of DescribeInstanceInformation`)
  throw new AwsError('InvalidFilterKey', `The specified key ${key} is not valid.`)
}

export function describeInstanceInformation(
  input: DescribeInstanceInformationRequest,
  nodes: Nodes,
): DescribeInstanceInformationResult {
  refuseUnknownMembers('DescribeInstanceInformation', input, [
    'Filters',
    'InstanceInformationFilterList',
    'MaxResults',
    'NextToken',
  ])
  const matchers = filtersOf(input).map((filter) => matcherOf(filter, nodes))
  const found = nodes
    .all()
    .map((node) => nodes.informationOf(node))
    .filter((node) => matchers.every((matches) => matches(node)))
  const page = pageOf(found, input, SMALLEST_PAGE)
  return { InstanceInformationList: [...page.items], NextToken: page.nextToken }
}
