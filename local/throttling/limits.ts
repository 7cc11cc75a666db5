/**
 * Which buckets a call draws from, and how large they are by default. EC2: AWS facts A.20; each action has buckets of its
 * own, whose sizes follow from the action's group. Step Functions: AWS facts C.1. EBS direct APIs: AWS facts B. Services without
 * published buckets have none.
 */
import type { BucketSize } from './bucket.ts'

/** What one call takes from one bucket. */
export interface Draw {
  /** `ec2:CreateSnapshots`, `ec2:RunInstances/instances`, `ec2:DescribeVolumes/unfiltered`, `states:StartExecution` … */
  readonly bucket: string
  readonly size: BucketSize
  readonly tokens: number
}

/** A call as the door knows it before anybody has looked at it. */
export interface ThrottledCall {
  /** Signing name. */
  readonly service: string
  readonly operation: string
  readonly input: unknown
  readonly region: string
}

const size = (capacity: number, refillPerSecond: number): BucketSize => ({ capacity, refillPerSecond })

const NON_MUTATING = size(100, 20)
const UNFILTERED = size(50, 10)
const MUTATING = size(50, 5)
const RAISED = size(100, 5)
const TAGS = size(100, 10)
const LAUNCH = size(5, 2)
const RARE = size(1, 0.1)

/** Describes that draw from a smaller bucket when they ask for everything: no filter, no ids, no page size. */
const COSTLY_WHEN_UNFILTERED = new Set([
  'DescribeInstances',
  'DescribeInstanceStatus',
  'DescribeNetworkInterfaces',
  'DescribeSecurityGroups',
  'DescribeSnapshots',
  'DescribeSpotInstanceRequests',
  'DescribeVolumes',
])

const named = (bucketSize: BucketSize, ...operations: string[]): [string, BucketSize][] =>
  operations.map((operation) => [operation, bucketSize])

/** Actions whose buckets differ from those of their group. */
const EC2_ACTIONS: ReadonlyMap<string, BucketSize> = new Map([
  ...named(RAISED, 'CreateSnapshot', 'CreateSnapshots', 'DeleteSnapshot', 'ModifySnapshotAttribute'),
  ...named(RAISED, 'CreateVolume', 'DeleteVolume', 'DeregisterImage', 'ModifyImageAttribute'),
  ...named(RAISED, 'CreateNetworkInterface', 'DeleteNetworkInterface', 'ModifyNetworkInterfaceAttribute'),
  ...named(RAISED, 'AssignPrivateIpAddresses', 'UnassignPrivateIpAddresses', 'TerminateInstances'),
  ...named(RAISED, 'AssociateIamInstanceProfile', 'DisassociateIamInstanceProfile', 'ModifyInstanceMetadataOptions'),
  ...named(TAGS, 'CreateTags', 'DeleteTags'),
  ...named(LAUNCH, 'RunInstances', 'StartInstances'),
  ...named(size(100, 1), 'CopyImage'),
  ...named(RARE, 'EnableSnapshotBlockPublicAccess', 'DisableSnapshotBlockPublicAccess'),
  ...named(RARE, 'EnableImageBlockPublicAccess', 'DisableImageBlockPublicAccess'),
])

/** Buckets that count instances, beside those that count calls. */
const EC2_INSTANCES: ReadonlyMap<string, BucketSize> = new Map([
  ['RunInstances', size(1000, 2)],
  ['StartInstances', size(1000, 2)],
  ['StopInstances', size(1000, 20)],
  ['TerminateInstances', size(1000, 20)],
])

const membersOf = (input: unknown): Readonly<Record<string, unknown>> =>
  typeof input === 'object' && input !== null ? { ...input } : {}

/** A next page is part of a paginated listing even when it repeats nothing of the first request. */
const asksForEverything = (input: unknown): boolean =>
  Object.entries(membersOf(input)).every(
    ([name, value]) =>
      value === undefined ||
      (Array.isArray(value) && value.length === 0) ||
      !(name === 'Filters' || name === 'MaxResults' || name === 'NextToken' || name.endsWith('Ids')),
  )

function instanceCount(input: unknown): number {
  const { InstanceIds: ids, MaxCount: count } = membersOf(input)
  if (Array.isArray(ids)) return ids.length
  return typeof count === 'number' ? count : 1
}

function ec2Draws({ operation, input }: ThrottledCall): Draw[] {
  const bucket = `ec2:${operation}`
  if (COSTLY_WHEN_UNFILTERED.has(operation) && asksForEverything(input))
    return [{ bucket: `${bucket}/unfiltered`, size: UNFILTERED, tokens: 1 }]
  const group = /^(Describe|Get|List|Search)/.test(operation) ? NON_MUTATING : MUTATING
  const instances = EC2_INSTANCES.get(operation)
  return [
    { bucket, size: EC2_ACTIONS.get(operation) ?? group, tokens: 1 },
    ...(instances ? [{ bucket: `${bucket}/instances`, size: instances, tokens: instanceCount(input) }] : []),
  ]
}

const LARGE_REGIONS = new Set(['us-east-1', 'us-west-2', 'eu-west-1'])

/** By operation: in the large Regions, and in the others. */
const STATES_ACTIONS: ReadonlyMap<string, readonly [BucketSize, BucketSize]> = new Map([
  ['StartExecution', [size(1300, 300), size(800, 150)]],
  ['DescribeExecution', [size(300, 15), size(250, 10)]],
  ['SendTaskSuccess', [size(3000, 500), size(1500, 300)]],
  ['SendTaskFailure', [size(3000, 500), size(1500, 300)]],
  ['SendTaskHeartbeat', [size(3000, 500), size(1500, 300)]],
  ['RedriveExecution', [size(1300, 300), size(800, 150)]],
  ['StopExecution', [size(1000, 200), size(500, 25)]],
  ['ListExecutions', [size(200, 5), size(100, 2)]],
  ['GetExecutionHistory', [size(400, 20), size(400, 20)]],
  ['DescribeMapRun', [size(200, 1), size(200, 1)]],
])

function statesDraws({ operation, region }: ThrottledCall): Draw[] {
  const sizes = STATES_ACTIONS.get(operation)
  if (!sizes) return []
  return [{ bucket: `states:${operation}`, size: LARGE_REGIONS.has(region) ? sizes[0] : sizes[1], tokens: 1 }]
}

/** Regions where EBS lets 5,000 blocks a second through for an account, where others let 1,000. */
const LARGE_EBS_REGIONS = new Set(['us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'ap-southeast-1'])

/** Calls a second; AWS tells of no burst beyond that. */
const EBS_RATES: Readonly<Record<string, number>> = {
  ListSnapshotBlocks: 50,
  ListChangedBlocks: 50,
  StartSnapshot: 10,
  CompleteSnapshot: 10,
}

/** All snapshots of the account together; each has a rate of its own beside (`local/ebs`). */
function ebsDraws({ operation, region }: ThrottledCall): Draw[] {
  const rate = EBS_RATES[operation] ?? (LARGE_EBS_REGIONS.has(region) ? 5_000 : 1_000)
  return [{ bucket: `ebs:${operation}`, size: size(rate, rate), tokens: 1 }]
}

/** Every bucket that a call draws from; none for a service whose limits AWS does not publish. */
export function drawsOf(call: ThrottledCall): readonly Draw[] {
  if (call.service === 'ec2') return ec2Draws(call)
  if (call.service === 'states') return statesDraws(call)
  if (call.service === 'ebs') return ebsDraws(call)
  return []
}
