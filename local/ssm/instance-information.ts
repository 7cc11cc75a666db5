/** DescribeInstanceInformation: which instances an agent answers for. */
import type {
  DescribeInstanceInformationRequest,
  DescribeInstanceInformationResult,
  InstanceInformation,
} from '@aws-sdk/client-ssm'
import type { GuestProcess } from '../guests/guests.ts'
import { AwsError } from '../wire/service.ts'
import { pageOf } from './paging.ts'
import { notImplemented, refuseUnknownMembers } from './refusals.ts'

/** An agent reports every five minutes. */
const PING_INTERVAL_MS = 5 * 60 * 1000
const SMALLEST_PAGE = 5
const INSTANCE_ID = /^(i-[0-9a-f]{8}|i-[0-9a-f]{17}|mi-[0-9a-f]{17})$/
const PING_STATUSES = ['Online', 'ConnectionLost', 'Inactive']
const OTHER_KEYS = ['ActivationIds', 'AgentVersion', 'AssociationStatus', 'IamRole', 'PlatformTypes', 'ResourceType']

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

function matcherOf({ key, values }: Filter): (node: InstanceInformation) => boolean {
  if (key === 'InstanceIds') {
    const malformed = values.find((value) => !INSTANCE_ID.test(value))
    if (malformed !== undefined) throw new AwsError('InvalidInstanceId', `The instance ID '${malformed}' is malformed.`)
    return (node) => node.InstanceId !== undefined && values.includes(node.InstanceId)
  }
  if (key === 'PingStatus') {
    if (values.length === 0 || !values.every((value) => PING_STATUSES.includes(value)))
      throw new AwsError('InvalidInstanceInformationFilterValue', `PingStatus is one of ${PING_STATUSES.join(', ')}.`)
    return (node) => node.PingStatus !== undefined && values.includes(node.PingStatus)
  }
  if (OTHER_KEYS.includes(key) || key.startsWith('tag'))
    throw notImplemented(`the filter ${key} of DescribeInstanceInformation`)
  throw new AwsError('InvalidFilterKey', `The specified key ${key} is not valid.`)
}

function informationOf(guest: GuestProcess, around: { nowMs: number; region: string }): InstanceInformation {
  const sincePingMs = (around.nowMs - guest.startedAtMs) % PING_INTERVAL_MS
  return {
    InstanceId: guest.instanceId,
    PingStatus: 'Online',
    LastPingDateTime: new Date(around.nowMs - sincePingMs),
    AgentVersion: '3.3.2299.0',
    IsLatestVersion: true,
    PlatformType: 'Linux',
    PlatformName: 'Amazon Linux',
    PlatformVersion: '2023',
    ResourceType: 'EC2Instance',
    IPAddress: guest.spec.privateIpAddress,
    ComputerName: `ip-${guest.spec.privateIpAddress.replaceAll('.', '-')}.${around.region}.compute.internal`,
  }
}

/** @param nodes the guests that an agent answers for now */
export function describeInstanceInformation(
  input: DescribeInstanceInformationRequest,
  nodes: readonly GuestProcess[],
  around: { nowMs: number; region: string },
): DescribeInstanceInformationResult {
  refuseUnknownMembers('DescribeInstanceInformation', input, [
    'Filters',
    'InstanceInformationFilterList',
    'MaxResults',
    'NextToken',
  ])
  const matchers = filtersOf(input).map(matcherOf)
  const found = nodes
    .map((guest) => informationOf(guest, around))
    .filter((node) => matchers.every((matches) => matches(node)))
  const page = pageOf(found, input, SMALLEST_PAGE)
  return { InstanceInformationList: [...page.items], NextToken: page.nextToken }
}
