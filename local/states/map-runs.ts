import type { DescribeMapRunOutput, MapRunExecutionCounts, MapRunStatus } from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import type { Child } from './engine.ts'

/** One pass of a Distributed Map over its items. */
export interface MapRun {
  readonly arn: string
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly startedAtMs: number
  readonly itemCount: number
  readonly maxConcurrency: number
  readonly toleratedFailureCount: number
  readonly toleratedFailurePercentage: number
  readonly children: Child[]
  status: MapRunStatus
  resultsWrittenCount: number
  endedAtMs: number | undefined
}

export class MapRuns {
  readonly #runs = new Map<string, MapRun>()

  add(run: MapRun): void {
    this.#runs.set(run.arn, run)
  }

  /** Throws ResourceNotFound. */
  find(arn: string): MapRun {
    const run = this.#runs.get(arn)
    if (!run) throw new AwsError('ResourceNotFound', `Resource not found: '${arn}'`, { fields: { resourceName: arn } })
    return run
  }

  of(executionArn: string): MapRun[] {
    return [...this.#runs.values()].filter((run) => run.executionArn === executionArn)
  }
}

/** One item is one child here, as items are not batched. */
function countsOf(run: MapRun): MapRunExecutionCounts {
  const having = (status: Child['status']): number => run.children.filter((child) => child.status === status).length
  const unstarted = run.itemCount - run.children.length
  const over = run.status !== 'RUNNING'
  return {
    pending: over ? 0 : unstarted,
    running: having('RUNNING'),
    succeeded: having('SUCCEEDED'),
    failed: having('FAILED'),
    timedOut: having('TIMED_OUT'),
    aborted: having('ABORTED') + (over ? unstarted : 0),
    total: run.itemCount,
    resultsWritten: run.resultsWrittenCount,
    failuresNotRedrivable: 0,
    pendingRedrive: 0,
  }
}

export function describeMapRun(run: MapRun): DescribeMapRunOutput {
  const counts = countsOf(run)
  return {
    mapRunArn: run.arn,
    executionArn: run.executionArn,
    status: run.status,
    startDate: new Date(run.startedAtMs),
    stopDate: run.endedAtMs === undefined ? undefined : new Date(run.endedAtMs),
    maxConcurrency: run.maxConcurrency,
    toleratedFailurePercentage: run.toleratedFailurePercentage,
    toleratedFailureCount: run.toleratedFailureCount,
    itemCounts: counts,
    executionCounts: counts,
    redriveCount: 0,
  }
}
