/** DescribeVolumeStatus with the initialization of volumes (AWS facts A.12), and the one attribute that volumes have. */
import type {
  DescribeVolumeAttributeRequest,
  DescribeVolumeAttributeResult,
  DescribeVolumeStatusRequest,
  DescribeVolumeStatusResult,
  InitializationStatusDetails,
  ModifyVolumeAttributeRequest,
  VolumeStatusItem,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { filterBy } from '../filters.ts'
import type { FilterValues } from '../filters.ts'
import { VOLUME, find, findAll } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Volume } from './model.ts'
import { pageOf } from '../paging.ts'
import { operation, required } from '../request.ts'

const statusOf = ({ state }: Volume): 'ok' | 'insufficient-data' =>
  state === 'creating' || state === 'error' ? 'insufficient-data' : 'ok'

/** Only of what comes from a snapshot, and until it is there. */
function initializationOf(
  { initialization, snapshotId }: Volume,
  nowMs: number,
): InitializationStatusDetails | undefined {
  if (snapshotId === undefined || !initialization) return undefined
  const { rate, startMs, endMs } = initialization
  const isDone = nowMs >= endMs
  return {
    InitializationType: rate === undefined ? 'default' : 'provisioned-rate',
    Progress: isDone ? 100 : Math.floor((100 * (nowMs - startMs)) / (endMs - startMs)) || 0,
    EstimatedTimeToCompleteInSeconds: isDone || endMs === Infinity ? undefined : Math.ceil((endMs - nowMs) / 1_000),
  }
}

function toStatusOutput(volume: Volume, nowMs: number): VolumeStatusItem {
  const status = statusOf(volume)
  return {
    VolumeId: volume.id,
    AvailabilityZone: volume.zone.name,
    AvailabilityZoneId: volume.zone.id,
    VolumeStatus: {
      Status: status,
      Details: [
        { Name: 'io-enabled', Status: status === 'ok' ? 'passed' : 'not-applicable' },
        { Name: 'io-performance', Status: 'not-applicable' },
      ],
    },
    Actions: [],
    Events: [],
    InitializationStatusDetails: initializationOf(volume, nowMs),
  }
}

const FILTERS: FilterValues<Volume> = {
  'action.code': () => undefined,
  'action.description': () => undefined,
  'action.event-id': () => undefined,
  'availability-zone': ({ zone }) => zone.name,
  'event.description': () => undefined,
  'event.event-id': () => undefined,
  'event.event-type': () => undefined,
  'event.not-after': () => undefined,
  'event.not-before': () => undefined,
  'volume-status.details-name': () => ['io-enabled', 'io-performance'],
  'volume-status.details-status': (volume) => [
    statusOf(volume) === 'ok' ? 'passed' : 'not-applicable',
    'not-applicable',
  ],
  'volume-status.status': statusOf,
}

function describeVolumeStatus(account: Account, request: DescribeVolumeStatusRequest): DescribeVolumeStatusResult {
  const ids = request.VolumeIds?.length ? [...new Set(request.VolumeIds)] : undefined
  const page = pageOf(
    ids ? findAll(VOLUME, account.volumes, ids) : account.volumes.values(),
    request,
    filterBy(request.Filters, FILTERS),
    ids && 'volumesSet',
  )
  const nowMs = account.clock.now()
  return { VolumeStatuses: page.items.map((volume) => toStatusOutput(volume, nowMs)), NextToken: page.nextToken }
}

function describeVolumeAttribute(
  account: Account,
  request: DescribeVolumeAttributeRequest,
): DescribeVolumeAttributeResult {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  const attribute = required(request.Attribute, 'attribute')
  if (attribute !== 'autoEnableIO')
    throw new AwsError('UnsupportedOperation', `The attribute ${attribute} is not supported by this account.`)
  return { VolumeId: volume.id, AutoEnableIO: { Value: volume.autoEnableIo } }
}

function modifyVolumeAttribute(account: Account, request: ModifyVolumeAttributeRequest): object {
  const volume = find(VOLUME, account.volumes, required(request.VolumeId, 'volumeId'))
  volume.autoEnableIo = required(request.AutoEnableIO?.Value, 'autoEnableIO')
  return {}
}

export const volumeStatusOperations = (account: Account): Operations => ({
  DescribeVolumeStatus: operation<DescribeVolumeStatusRequest>(
    ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeVolumeStatus(account, input),
  ),
  DescribeVolumeAttribute: operation<DescribeVolumeAttributeRequest>(['VolumeId', 'Attribute'], (input) =>
    describeVolumeAttribute(account, input),
  ),
  ModifyVolumeAttribute: operation<ModifyVolumeAttributeRequest>(['VolumeId', 'AutoEnableIO'], (input) =>
    modifyVolumeAttribute(account, input),
  ),
})
