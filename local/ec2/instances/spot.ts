/** Spot instances: one-time requests, fulfilled or refused at once, and their interruption (AWS facts A.17). */
import type {
  CancelSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsRequest,
  InstanceMarketOptionsRequest,
  SpotInstanceRequest,
} from '@aws-sdk/client-ec2'
import { AwsError } from '../../wire/service.ts'
import type { Operations } from '../../wire/service.ts'
import { describe } from '../describe.ts'
import { shownBy } from '../filters.ts'
import { SPOT_REQUEST, findAll } from '../ids.ts'
import type { Account } from '../model.ts'
import type { Instance, SpotTerms } from './model.ts'
import { operation, required, supportOnly } from '../request.ts'
import { toTagList } from '../tags.ts'

interface SpotPlan {
  readonly maxPrice?: string
}

/** undefined: on demand. @throws AwsError UnsupportedOperation, InvalidParameterCombination */
export function spotPlanOf(options: InstanceMarketOptionsRequest | undefined): SpotPlan | undefined {
  if (!options) return undefined
  supportOnly(options, ['MarketType', 'SpotOptions'], 'InstanceMarketOptions.')
  if (options.MarketType !== 'spot')
    throw new AwsError(
      'UnsupportedOperation',
      `The market type ${options.MarketType ?? ''} is not supported by this account.`,
    )
  const { SpotOptions = {} } = options
  supportOnly(SpotOptions, ['MaxPrice', 'SpotInstanceType', 'InstanceInterruptionBehavior'], 'SpotOptions.')
  const behavior = SpotOptions.InstanceInterruptionBehavior ?? 'terminate'
  if (SpotOptions.SpotInstanceType === 'persistent')
    throw new AwsError('UnsupportedOperation', 'Persistent Spot requests are not supported by this account.')
  if (behavior !== 'terminate')
    throw new AwsError(
      'InvalidParameterCombination',
      `The interruption behavior ${behavior} requires a persistent Spot request.`,
    )
  return { maxPrice: SpotOptions.MaxPrice }
}

export function makeSpotRequest(
  account: Account,
  { maxPrice }: SpotPlan,
  instance: Pick<Instance, 'id' | 'image' | 'type' | 'zone'>,
  tags: Map<string, string>,
): SpotTerms {
  const nowMs = account.clock.now()
  const id = account.ids.next('sir').slice(0, 'sir-'.length + 8)
  const terms: SpotTerms = {
    id,
    order: account.nextOrder(),
    createdMs: nowMs,
    tags,
    maxPrice,
    instanceId: instance.id,
    imageId: instance.image.id,
    instanceType: instance.type,
    zone: instance.zone,
    state: 'active',
    statusCode: 'fulfilled',
    statusMs: nowMs,
  }
  account.spotRequests.set(id, terms)
  return terms
}

/** The end of the instance is the end of its request. */
export function closeSpotRequest(account: Account, { spot, stateReason }: Instance): void {
  if (!spot) return
  if (spot.state === 'active') spot.state = 'closed'
  spot.statusCode =
    stateReason?.Code === 'Server.SpotInstanceTermination'
      ? 'instance-terminated-no-capacity'
      : 'instance-terminated-by-user'
  spot.statusMs = account.clock.now()
}

const toOutput = (terms: SpotTerms): SpotInstanceRequest => ({
  SpotInstanceRequestId: terms.id,
  CreateTime: new Date(terms.createdMs),
  InstanceId: terms.instanceId,
  InstanceInterruptionBehavior: 'terminate',
  LaunchSpecification: {
    ImageId: terms.imageId,
    InstanceType: terms.instanceType as NonNullable<SpotInstanceRequest['LaunchSpecification']>['InstanceType'],
    Placement: { AvailabilityZone: terms.zone.name },
  },
  LaunchedAvailabilityZone: terms.zone.name,
  LaunchedAvailabilityZoneId: terms.zone.id,
  ProductDescription: 'Linux/UNIX',
  SpotPrice: terms.maxPrice,
  State: terms.state,
  Status: { Code: terms.statusCode, Message: '', UpdateTime: new Date(terms.statusMs) },
  Tags: toTagList(terms.tags),
  Type: 'one-time',
})

const FILTERS = shownBy(toOutput, {
  'create-time': 'CreateTime',
  'instance-id': 'InstanceId',
  'launch.image-id': 'LaunchSpecification.ImageId',
  'launch.instance-type': 'LaunchSpecification.InstanceType',
  'launched-availability-zone': 'LaunchedAvailabilityZone',
  'launched-availability-zone-id': 'LaunchedAvailabilityZoneId',
  'product-description': 'ProductDescription',
  'spot-instance-request-id': 'SpotInstanceRequestId',
  'spot-price': 'SpotPrice',
  state: 'State',
  'status-code': 'Status.Code',
  type: 'Type',
})

function describeRequests(account: Account, request: DescribeSpotInstanceRequestsRequest): object {
  const description = {
    kind: SPOT_REQUEST,
    among: account.spotRequests,
    filters: FILTERS,
    idsParameter: 'spotInstanceRequestIdSet',
  }
  const { items, nextToken } = describe(account, description, request, request.SpotInstanceRequestIds)
  return { SpotInstanceRequests: items.map(toOutput), NextToken: nextToken }
}

/** The instance runs on (AWS facts A.17). */
function cancelRequests(account: Account, { SpotInstanceRequestIds }: CancelSpotInstanceRequestsRequest): object {
  const ids = required(SpotInstanceRequestIds?.length ? SpotInstanceRequestIds : undefined, 'SpotInstanceRequestId')
  const requests = findAll(SPOT_REQUEST, account.spotRequests, ids)
  for (const request of requests) if (request.state === 'active') request.state = 'cancelled'
  return {
    CancelledSpotInstanceRequests: requests.map(({ id, state }) => ({ SpotInstanceRequestId: id, State: state })),
  }
}

export const spotOperations = (account: Account): Operations => ({
  DescribeSpotInstanceRequests: operation<DescribeSpotInstanceRequestsRequest>(
    ['SpotInstanceRequestIds', 'Filters', 'MaxResults', 'NextToken'],
    (input) => describeRequests(account, input),
  ),
  CancelSpotInstanceRequests: operation<CancelSpotInstanceRequestsRequest>(['SpotInstanceRequestIds'], (input) =>
    cancelRequests(account, input),
  ),
})
