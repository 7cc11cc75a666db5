import type {
  DescribeExecutionInput,
  DescribeExecutionOutput,
  DescribeMapRunInput,
  DescribeMapRunOutput,
  DescribeStateMachineForExecutionInput,
  DescribeStateMachineForExecutionOutput,
  ExecutionListItem,
  GetExecutionHistoryInput,
  GetExecutionHistoryOutput,
  ListExecutionsInput,
  ListExecutionsOutput,
  ListMapRunsInput,
  ListMapRunsOutput,
  RedriveExecutionInput,
  RedriveExecutionOutput,
  StartExecutionInput,
  StartExecutionOutput,
  StopExecutionInput,
  StopExecutionOutput,
  UpdateMapRunInput,
  UpdateMapRunOutput,
} from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import { checkArn } from './arns.ts'
import { redriveOf } from './descriptions.ts'
import type { Engine } from './engine.ts'
import type { Execution } from './execution.ts'
import type { Executions } from './executions.ts'
import { describeMapRun, updateMapRun } from './map-runs.ts'
import { pageOf } from './paging.ts'
import { refuse, refuseMetadataOnly } from './refusals.ts'

export function executionOperations(engine: Engine, executions: Executions) {
  return {
    StartExecution: ({ stateMachineArn, name, input = '{}' }: StartExecutionInput): StartExecutionOutput => {
      const execution = engine.startExecution({
        stateMachineArn: checkArn(stateMachineArn, 'stateMachine'),
        inputText: input,
        ...(name === undefined ? {} : { name }),
      })
      return { executionArn: execution.arn, startDate: new Date(execution.startedAtMs) }
    },
    DescribeExecution: ({ executionArn, includedData }: DescribeExecutionInput): DescribeExecutionOutput => {
      refuseMetadataOnly(includedData)
      return describe(executions.find(checkArn(executionArn, 'execution')))
    },
    ListExecutions: (input: ListExecutionsInput): ListExecutionsOutput => list(engine, executions, input),
    StopExecution: ({ executionArn, error, cause }: StopExecutionInput): StopExecutionOutput => {
      const execution = executions.find(checkArn(executionArn, 'execution'))
      execution.stop(error, cause)
      return { stopDate: dateOf(execution.endedAtMs) }
    },
    GetExecutionHistory: (input: GetExecutionHistoryInput): GetExecutionHistoryOutput => {
      if (input.includeExecutionData === false) refuse('includeExecutionData false')
      const arn = checkArn(input.executionArn, 'execution')
      const { events } = executions.find(arn).history
      const reverse = input.reverseOrder ?? false
      const page = pageOf(reverse ? events.toReversed() : events, `events ${arn} ${reverse}`, input)
      return { events: page.items, nextToken: page.nextToken }
    },
    /** A child of a Distributed Map is redriven by its parent only (AWS facts C.3). */
    RedriveExecution: (input: RedriveExecutionInput): RedriveExecutionOutput => {
      const execution = executions.find(checkArn(input.executionArn, 'execution'))
      if (execution.mapRunArn !== undefined)
        throw new AwsError('ExecutionNotRedrivable', 'Child executions are redriven by the execution of their Map Run.')
      execution.redrive(input.clientToken)
      return { redriveDate: dateOf(execution.redrivenAtMs) }
    },
    DescribeStateMachineForExecution: (
      input: DescribeStateMachineForExecutionInput,
    ): DescribeStateMachineForExecutionOutput => {
      refuseMetadataOnly(input.includedData)
      return programOf(executions.find(checkArn(input.executionArn, 'execution')))
    },
    DescribeMapRun: ({ mapRunArn }: DescribeMapRunInput): DescribeMapRunOutput => {
      const run = engine.mapRuns.find(checkArn(mapRunArn, 'mapRun'))
      return describeMapRun(
        run,
        run.children.map((arn) => engine.execution(arn)),
      )
    },
    UpdateMapRun: (input: UpdateMapRunInput): UpdateMapRunOutput => {
      updateMapRun(engine.mapRuns.find(checkArn(input.mapRunArn, 'mapRun')), input)
      return {}
    },
    ListMapRuns: (input: ListMapRunsInput): ListMapRunsOutput => {
      const execution = executions.find(checkArn(input.executionArn, 'execution'))
      const { items, nextToken } = pageOf(engine.mapRuns.of(execution.arn), `mapRuns ${execution.arn}`, input)
      const mapRuns = items.map((run) => ({
        executionArn: run.executionArn,
        mapRunArn: run.arn,
        stateMachineArn: run.stateMachineArn,
        startDate: new Date(run.startedAtMs),
        stopDate: dateOf(run.endedAtMs),
      }))
      return { mapRuns, nextToken }
    },
  }
}

/** What an execution runs may differ from its state machine by now. */
function programOf({ record, mapRunArn }: Execution): DescribeStateMachineForExecutionOutput {
  const { machineArn, machineName, definition, roleArn } = record.program
  return {
    stateMachineArn: machineArn,
    name: machineName.split('/')[0],
    definition: JSON.stringify(definition),
    roleArn,
    updateDate: new Date(record.startedAtMs),
    ...(mapRunArn === undefined ? {} : { mapRunArn, label: machineName.split('/').at(-1) }),
  }
}

const dateOf = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms))

/** The latest first; children of a Distributed Map only by their Map Run. */
function list(engine: Engine, executions: Executions, input: ListExecutionsInput): ListExecutionsOutput {
  const { stateMachineArn, mapRunArn, statusFilter, redriveFilter } = input
  if ((stateMachineArn === undefined) === (mapRunArn === undefined))
    throw new AwsError('ValidationException', 'Exactly one of stateMachineArn and mapRunArn must be specified')
  const ofParent =
    mapRunArn === undefined
      ? byMachine(engine, checkArn(stateMachineArn, 'stateMachine'))
      : byMapRun(engine.mapRuns.find(checkArn(mapRunArn, 'mapRun')).arn)
  const found = executions.all.filter(
    (execution) =>
      ofParent(execution) &&
      (statusFilter === undefined || execution.status === statusFilter) &&
      (redriveFilter === undefined || (redriveFilter === 'REDRIVEN') === execution.redriveCount > 0),
  )
  const subject = `executions ${stateMachineArn ?? mapRunArn} ${statusFilter} ${redriveFilter}`
  const { items, nextToken } = pageOf(found.toReversed(), subject, input)
  return { executions: items.map(itemOf), nextToken }
}

const byMapRun = (arn: string) => (execution: Execution) => execution.mapRunArn === arn

function byMachine(engine: Engine, arn: string): (execution: Execution) => boolean {
  engine.checkMachine(arn)
  return ({ machineArn, mapRunArn, record }) =>
    mapRunArn === undefined && (machineArn === arn || record.program.versionArn === arn)
}

const itemOf = (execution: Execution): ExecutionListItem => ({
  executionArn: execution.arn,
  stateMachineArn: execution.machineArn,
  name: execution.name,
  status: execution.status,
  startDate: new Date(execution.startedAtMs),
  stopDate: dateOf(execution.endedAtMs),
  mapRunArn: execution.mapRunArn,
  stateMachineVersionArn: execution.record.program.versionArn,
  redriveCount: execution.redriveCount,
  redriveDate: dateOf(execution.redrivenAtMs),
})

function describe(execution: Execution): DescribeExecutionOutput {
  const { RedriveStatus, RedriveStatusReason } = redriveOf(execution, execution.mapRunArn !== undefined)
  return {
    ...itemOf(execution),
    input: execution.inputText,
    inputDetails: { included: true },
    output: execution.outputText,
    outputDetails: execution.outputText === undefined ? undefined : { included: true },
    error: execution.error,
    cause: execution.cause,
    redriveStatus: RedriveStatus,
    redriveStatusReason: RedriveStatusReason,
  }
}
