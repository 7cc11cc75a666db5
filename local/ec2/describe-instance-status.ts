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
import { AwsError } from '../wire/service.ts'
import type { Operations } from '../wire/service.ts'
import { STATUS_CHECKS_MS } from './delays.ts'
import { toStateOutput } from './describe-instances.ts'
import { filterBy } from './filters.ts'
import type { FilterValues } from './filters.ts'
import { INSTANCE, find } from './ids.ts'
import type { Account, Instance } from './model.ts'
import type { Zone } from './network.ts'
import { pageOf } from './paging.ts'
import { operation } from './request.ts'

const IDS_MAX = 100

function statusOf({ clock }: Account, instance: Instance): SummaryStatus {
  if (instance.runningSinceMs === undefined) return 'not-applicable'
  if (instance.impaired) return 'impaired'
  return clock.now() - instance.runningSinceMs < STATUS_CHECKS_MS ? 'initializing' : 'ok'
}

const DETAIL: Readonly<Record<SummaryStatus, 'passed' | 'failed' | 'initializing' | undefined>> = {
  ok: 'passed',
  impaired: 'failed',
  initializing: 'initializing',
  'insufficient-data': undefined,
  'not-applicable': undefined,
}

function toSummary(status: SummaryStatus): InstanceStatusSummary {
  const detail = DETAIL[status]
  return { Status: status, Details: detail ? [{ Name: 'reachability', Status: detail }] : [] }
}

/** A guest that is impaired is so by its own fault: the host's check stays good. */
function toStatusOutput(account: Account, instance: Instance): InstanceStatus {
  const status = statusOf(account, instance)
  const hostStatus = status === 'impaired' ? 'ok' : status
  return {
    InstanceId: instance.id,
    AvailabilityZone: instance.zone.name,
    AvailabilityZoneId: instance.zone.id,
    InstanceState: toStateOutput(instance),
    InstanceStatus: toSummary(status),
    SystemStatus: toSummary(hostStatus),
    AttachedEbsStatus: toSummary(hostStatus),
  }
}

const filtersOf = (account: Account): FilterValues<Instance> => ({
  'availability-zone': ({ zone }) => zone.name,
  'instance-state-code': (instance) => toStateOutput(instance).Code,
  'instance-state-name': ({ state }) => state,
  'instance-status.status': (instance) => toStatusOutput(account, instance).InstanceStatus?.Status,
  'system-status.status': (instance) => toStatusOutput(account, instance).SystemStatus?.Status,
  'attached-ebs-status.status': (instance) => toStatusOutput(account, instance).AttachedEbsStatus?.Status,
})

function describeStatus(account: Account, request: DescribeInstanceStatusRequest): DescribeInstanceStatusResult {
  const ids = request.InstanceIds?.length ? [...new Set(request.InstanceIds)] : undefined
  if (ids && ids.length > IDS_MAX)
    throw new AwsError('InvalidParameterValue', `No more than ${IDS_MAX} instances can be named in one request.`)
  const passes = filterBy(request.Filters, filtersOf(account))
  const page = pageOf(
    ids ? ids.map((id) => find(INSTANCE, account.instances, id)) : account.instances.values(),
    request,
    (instance) => (request.IncludeAllInstances || instance.state === 'running') && passes(instance),
    ids && 'instancesSet',
  )
  return {
    InstanceStatuses: page.items.map((instance) => toStatusOutput(account, instance)),
    NextToken: page.nextToken,
  }
}

const ZONE_FILTERS: FilterValues<Zone & { tags: Map<string, string> }> = {
  'zone-name': ({ name }) => name,
  'zone-id': ({ id }) => id,
  state: () => 'available',
  'zone-type': () => 'availability-zone',
  'opt-in-status': () => 'opt-in-not-required',
}

function describeZones(
  { network, region }: Account,
  request: DescribeAvailabilityZonesRequest,
): DescribeAvailabilityZonesResult {
  const passes = filterBy(request.Filters, ZONE_FILTERS)
  const named = [
    ...(request.ZoneNames ?? []).map((name) => network.zoneNamed(name)),
    ...(request.ZoneIds ?? []).map((id) => network.zoneWithId(id)),
  ]
  return {
    AvailabilityZones: (named.length > 0 ? named : network.zones)
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
    ['InstanceIds', 'IncludeAllInstances', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeStatus(account, input),
  ),
  DescribeAvailabilityZones: operation<DescribeAvailabilityZonesRequest>(
    ['ZoneNames', 'ZoneIds', 'Filters', 'AllAvailabilityZones'],
    (input) => describeZones(account, input),
  ),
})
