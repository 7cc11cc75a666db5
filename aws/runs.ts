import { randomUUID } from 'node:crypto'
import {
  DescribeExecutionCommand,
  ExecutionStatus,
  type HistoryEvent,
  paginateGetExecutionHistory,
  StartExecutionCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn'
import { TandemError } from '../core/errors.ts'
import type { Runs, RunStatus, RunStep, Workflow } from '../core/ports.ts'
import { calling } from './calling.ts'

const STATES: Readonly<Record<ExecutionStatus, RunStatus['state']>> = {
  RUNNING: 'running',
  PENDING_REDRIVE: 'running',
  SUCCEEDED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'timed-out',
  ABORTED: 'aborted',
}

/** The most that one page of a history holds (AWS facts C.1). */
const HISTORY_PAGE_SIZE = 1000

/** @param arnOf the ARN of a state machine of this deployment */
export const sfnRuns = (sfn: SFNClient, arnOf: (workflow: Workflow) => string): Runs => ({
  async start(workflow, input) {
    const stateMachineArn = arnOf(workflow)
    // The SDK repeats a call whose answer was lost. Without a name that would start a second run, and a second undo would undo
    // the first.
    const command = new StartExecutionCommand({
      stateMachineArn,
      name: `operator-${randomUUID()}`,
      input: JSON.stringify(input),
    })
    const meaning = { StateMachineDoesNotExist: 'InvalidInput' } as const
    const { executionArn } = await calling({ operation: 'StartExecution', subject: stateMachineArn, meaning }, () =>
      sfn.send(command),
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
  steps: (run, afterEvent = 0) =>
    calling({ operation: 'GetExecutionHistory', subject: run }, async () => {
      const pages = paginateGetExecutionHistory(
        { client: sfn, pageSize: HISTORY_PAGE_SIZE },
        // Newest first: whoever watches a run knows all but the end of its history.
        { executionArn: run, reverseOrder: true },
      )
      const steps: RunStep[] = []
      for await (const { events = [] } of pages) {
        steps.push(...events.flatMap(stepOf).filter(({ event }) => event > afterEvent))
        if ((events.at(-1)?.id ?? 0) <= afterEvent) break
      }
      return steps.toReversed()
    }),
})

function stepOf({
  id: event = 0,
  timestamp,
  stateEnteredEventDetails,
  taskFailedEventDetails,
}: HistoryEvent): RunStep[] {
  const at = timestamp?.toISOString() ?? ''
  if (stateEnteredEventDetails?.name) return [{ event, at, kind: 'entered', state: stateEnteredEventDetails.name }]
  if (!taskFailedEventDetails) return []
  const { error = 'no error given', cause = '' } = taskFailedEventDetails
  return [{ event, at, kind: 'failed', error, cause: messageOf(cause) }]
}

/** A Lambda's failure is `{"errorType":…,"errorMessage":…}`; other causes are text. */
function messageOf(cause: string): string {
  if (!cause.startsWith('{')) return cause
  try {
    const parsed: unknown = JSON.parse(cause)
    const message: unknown = typeof parsed === 'object' && parsed !== null && Reflect.get(parsed, 'errorMessage')
    return typeof message === 'string' ? message : cause
  } catch {
    return cause
  }
}
