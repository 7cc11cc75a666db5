/** DescribeInstanceStatus and DescribeAvailabilityZones. */
import type {
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  InstanceStatus,
  InstanceStatusSummary,
  SummaryStatus,
} from '@aws-sdk/client-ec2'
import type { Operations } from '../../wire/service.ts'
import { STATUS_CHECKS_MS } from '../delays.ts'
import { toStateOutput } from './describe-instances.ts'
import { describe } from '../describe.ts'
import { filterBy, shownBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { INSTANCE } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Instance, StatusCheck } from './model.ts'
import type { Zone } from '../network/zones.ts'
import { operation } from '../request.ts'

const IDS_MAX = 100

function statusOf({ clock }: Account, instance: Instance, check: StatusCheck): SummaryStatus {
  if (instance.runningSinceMs === undefined) return 'not-applicable'
  if (instance.impairments.has(check)) return 'impaired'
  return clock.now() - instance.runningSinceMs < STATUS_CHECKS_MS ? 'initializing' : 'ok'
}

const DETAIL: Readonly<Record<SummaryStatus, 'passed' | 'failed' | 'initializing' | undefined>> = {
  ok: 'passed',
  impaired: 'failed',
  initializing: 'initializing',
  'insufficient-data': undefined,
  'not-applicable': undefined,
}

function toSummary(account: Account, instance: Instance, check: StatusCheck): InstanceStatusSummary {
  const status = statusOf(account, instance, check)
  const detail = DETAIL[status]
  const sinceMs = status === 'impaired' ? instance.impairments.get(check) : undefined
  const ImpairedSince = sinceMs === undefined ? undefined : new Date(sinceMs)
  return { Status: status, Details: detail ? [{ Name: 'reachability', Status: detail, ImpairedSince }] : [] }
}

function toStatusOutput(account: Account, instance: Instance): InstanceStatus {
  return {
    InstanceId: instance.id,
    AvailabilityZone: instance.zone.name,
    AvailabilityZoneId: instance.zone.id,
    InstanceState: toStateOutput(instance),
    InstanceStatus: toSummary(account, instance, 'instance'),
    SystemStatus: toSummary(account, instance, 'system'),
    AttachedEbsStatus: toSummary(account, instance, 'ebs'),
    Operator: { Managed: false },
  }
}

const filtersOf = (account: Account): FilterValues<Instance> => ({
  ...shownBy((instance: Instance) => toStatusOutput(account, instance), {
    'application-status.status': '',
    'attached-ebs-status.status': 'AttachedEbsStatus.Status',
    'event.code': '',
    'event.description': '',
    'event.instance-event-id': '',
    'event.not-after': '',
    'event.not-before': '',
    'event.not-before-deadline': '',
    'instance-status.reachability': 'InstanceStatus.Details.Status',
    'instance-status.status': 'InstanceStatus.Status',
    'operator.managed': 'Operator.Managed',
    'operator.principal': '',
    'system-status.reachability': 'SystemStatus.Details.Status',
    'system-status.status': 'SystemStatus.Status',
  }),
  'availability-zone': ({ zone }) => zone.name,
  'availability-zone-id': ({ zone }) => zone.id,
  'instance-state-code': (instance) => toStateOutput(instance).Code,
  'instance-state-name': ({ state }) => state,
})

/** Of running instances only, unless all are asked for (AWS facts A.17). */
function describeStatus(account: Account, request: DescribeInstanceStatusRequest): DescribeInstanceStatusResult {
  const description = {
    kind: INSTANCE,
    among: account.instances,
    filters: filtersOf(account),
    idsParameter: 'instancesSet',
    idsMax: IDS_MAX,
  }
  const isAsked = ({ state }: Instance): boolean => (request.IncludeAllInstances ?? false) || state === 'running'
  const { items, nextToken } = describe(account, description, request, request.InstanceIds, isAsked)
  return { InstanceStatuses: items.map((instance) => toStatusOutput(account, instance)), NextToken: nextToken }
}

const ZONE_FILTERS: FilterValues<Zone & { tags: Map<string, string> }> = {
  'zone-name': ({ name }) => name,
  'zone-id': ({ id }) => id,
  state: () => 'available',
  'zone-type': () => 'availability-zone',
  'opt-in-status': () => 'opt-in-not-required',
  message: () => undefined,
  'parent-zone-id': () => undefined,
  'parent-zone-name': () => undefined,
  'group-long-name': () => undefined,
}

function describeZones(
  { zones, region }: Account,
  request: DescribeAvailabilityZonesRequest,
): DescribeAvailabilityZonesResult {
  const ofRegion = { 'region-name': () => region, 'group-name': () => region }
  const passes = filterBy(request.Filters, { ...ZONE_FILTERS, ...ofRegion })
  const named = [
    ...(request.ZoneNames ?? []).map((name) => zones.zoneNamed(name)),
    ...(request.ZoneIds ?? []).map((id) => zones.zoneWithId(id)),
  ]
  return {
    AvailabilityZones: (named.length > 0 ? named : zones.all)
      .filter((zone) => passes({ ...zone, tags: new Map() }))
      .map((zone) => ({
        ZoneName: zone.name,
        ZoneId: zone.id,
        RegionName: region,
        State: 'available',
        ZoneType: 'availability-zone',
        OptInStatus: 'opt-in-not-required',
        GroupName: region,
        NetworkBorderGroup: region,
        Messages: [],
      })),
  }
}

export const statusDescriptions = (account: Account): Operations => ({
  DescribeInstanceStatus: operation<DescribeInstanceStatusRequest>(
    ['InstanceIds', 'IncludeAllInstances', 'Filters', 'MaxResults', 'NextToken', 'IncludeManagedResources'],
    (input) => describeStatus(account, input),
  ),
  DescribeAvailabilityZones: operation<DescribeAvailabilityZonesRequest>(
    ['ZoneNames', 'ZoneIds', 'Filters', 'AllAvailabilityZones'],
    (input) => describeZones(account, input),
  ),
})
