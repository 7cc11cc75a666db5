import {
  DescribeExecutionCommand,
  ExecutionStatus,
  paginateGetExecutionHistory,
  StartExecutionCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn'
import { TandemError } from '../core/errors.ts'
import type { Runs, RunStatus, Workflow } from '../core/ports.ts'
import { calling } from './calling.ts'
import { collect } from './paging.ts'

const STATES: Readonly<Record<ExecutionStatus, RunStatus['state']>> = {
  RUNNING: 'running',
  PENDING_REDRIVE: 'running',
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'timed-out',
  ABORTED: 'aborted',
}

/** The most that one page of a history holds. */
const HISTORY_PAGE_SIZE = 1000

/** @param arnOf the ARN of a state machine of this deployment */
export const sfnRuns = (sfn: SFNClient, arnOf: (workflow: Workflow) => string): Runs => ({
  async start(workflow, input) {
    const stateMachineArn = arnOf(workflow)
    const meaning = { StateMachineDoesNotExist: 'InvalidInput' } as const
    const { executionArn } = await calling({ operation: 'StartExecution', subject: stateMachineArn, meaning }, () =>
      sfn.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) })),
    )
    if (!executionArn)
      throw new TandemError('UnexpectedAwsError', `StartExecution of ${workflow} answered without an ARN.`)
    return executionArn
  },
  async describe(run) {
    const { status, output, error, cause } = await calling({ operation: 'DescribeExecution', subject: run }, () =>
      sfn.send(new DescribeExecutionCommand({ executionArn: run })),
    )
    return {
      state: STATES[status ?? ExecutionStatus.RUNNING],
      ...(output === undefined ? {} : { output: JSON.parse(output) as unknown }),
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
    }
  },
  steps: (run) =>
    calling({ operation: 'GetExecutionHistory', subject: run }, async () => {
      const pages = paginateGetExecutionHistory(
        { client: sfn, pageSize: HISTORY_PAGE_SIZE },
        { executionArn: run, includeExecutionData: false },
      )
      const events = await collect(pages, (page) => page.events)
      return events.flatMap(({ stateEnteredEventDetails, timestamp }) =>
        stateEnteredEventDetails?.name
          ? [{ state: stateEnteredEventDetails.name, at: timestamp?.toISOString() ?? '' }]
          : [],
      )
    }),
})
