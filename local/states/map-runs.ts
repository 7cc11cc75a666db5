import type { DescribeMapRunOutput, MapRunExecutionCounts, MapRunStatus, UpdateMapRunInput } from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import type { Child } from './engine.ts'

/** More at a time are ExecutionLimitExceeded's cousin: the Map Run waits for its turn, and here it is refused (AWS facts C.1). */
export const OPEN_LIMIT = 1000
/** How often one may be redriven (AWS facts C.1). */
export const REDRIVE_LIMIT = 1000

/** How many children may fail; undefined: that limit was not set. */
export interface Tolerance {
  count: number | undefined
  percentage: number | undefined
}

/** One pass of a Distributed Map over its items, redrives included. Plain data. */
export interface MapRun {
  readonly arn: string
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly startedAtMs: number
  readonly inputs: readonly unknown[]
  readonly destination: { readonly bucket: string; readonly prefix: string } | undefined
  /** 0: as many as AWS runs at once. */
  maxConcurrency: number
  readonly tolerance: Tolerance
  /** ARNs of the executions, in the order of their items. Those of the last items may not have started. */
  readonly children: string[]
  /** Children that did not succeed, and are to be redriven. */
  readonly pendingRedrive: Set<string>
  status: MapRunStatus
  resultsWrittenCount: number
  endedAtMs: number | undefined
  redriveCount: number
  redrivenAtMs: number | undefined
}

export class MapRuns {
  /** By ARN. */
  readonly all = new Map<string, MapRun>()

  /** Throws ResourceNotFound. */
  find(arn: string): MapRun {
    const run = this.all.get(arn)
    if (!run) throw new AwsError('ResourceNotFound', `Resource not found: '${arn}'`, { fields: { resourceName: arn } })
    return run
  }

  of(executionArn: string): MapRun[] {
    return [...this.all.values()].filter((run) => run.executionArn === executionArn)
  }

  get openCount(): number {
    return [...this.all.values()].filter(({ status }) => status === 'RUNNING').length
  }
}

/** What may be changed of a run that has not ended; the first of AWS's errors that applies is thrown. */
export function updateMapRun(run: MapRun, input: UpdateMapRunInput): void {
  const { maxConcurrency, toleratedFailureCount: count, toleratedFailurePercentage: percentage } = input
  if (maxConcurrency === undefined && count === undefined && percentage === undefined)
    throw new AwsError(
      'ValidationException',
      'At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified',
    )
  const wrong =
    (maxConcurrency !== undefined && maxConcurrency < 0) ||
    (count !== undefined && count < 0) ||
    (percentage !== undefined && (percentage < 0 || percentage > 100))
  if (wrong) throw new AwsError('ValidationException', 'A value of the Map Run is out of its range')
  if (run.status !== 'RUNNING') throw new AwsError('ValidationException', `The Map Run is ${run.status}`)
  if (maxConcurrency !== undefined) run.maxConcurrency = maxConcurrency
  if (count !== undefined) run.tolerance.count = count
  if (percentage !== undefined) run.tolerance.percentage = percentage
}

/** One item is one child here, as items are not batched. */
function countsOf(run: MapRun, children: readonly Child[]): MapRunExecutionCounts {
  const counts = { RUNNING: 0, SUCCEEDED: 0, FAILED: 0, TIMED_OUT: 0, ABORTED: 0 }
  let notRedrivable = 0
  for (const child of children) {
    if (run.pendingRedrive.has(child.arn)) continue
    counts[child.status] += 1
    if (child.status !== 'RUNNING' && child.status !== 'SUCCEEDED' && !child.isRedrivable) notRedrivable += 1
  }
  const unstarted = run.inputs.length - children.length
  const over = run.status !== 'RUNNING'
  return {
    pending: over ? 0 : unstarted,
    running: counts.RUNNING,
    succeeded: counts.SUCCEEDED,
    failed: counts.FAILED,
    timedOut: counts.TIMED_OUT,
    aborted: counts.ABORTED + (over ? unstarted : 0),
    total: run.inputs.length,
    resultsWritten: run.resultsWrittenCount,
    failuresNotRedrivable: notRedrivable,
    pendingRedrive: run.pendingRedrive.size,
  }
}

export function describeMapRun(run: MapRun, children: readonly Child[]): DescribeMapRunOutput {
  const counts = countsOf(run, children)
  return {
    mapRunArn: run.arn,
    executionArn: run.executionArn,
    status: run.status,
    startDate: new Date(run.startedAtMs),
    stopDate: run.endedAtMs === undefined ? undefined : new Date(run.endedAtMs),
    maxConcurrency: run.maxConcurrency,
    toleratedFailurePercentage: run.tolerance.percentage ?? 0,
    toleratedFailureCount: run.tolerance.count ?? 0,
    itemCounts: counts,
    executionCounts: counts,
    redriveCount: run.redriveCount,
    redriveDate: run.redrivenAtMs === undefined ? undefined : new Date(run.redrivenAtMs),
  }
}
