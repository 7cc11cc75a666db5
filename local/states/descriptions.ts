import type { Child } from './engine.ts'

interface Redrive {
  readonly RedriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE' | 'REDRIVABLE_BY_MAP_RUN'
  readonly RedriveStatusReason?: string
}

/** Whether AWS would redrive it. (RedriveExecution itself is not implemented.) */
export function redriveOf({ status }: Pick<Child, 'status'>, ofMapRun: boolean): Redrive {
  if (status === 'RUNNING' || status === 'SUCCEEDED')
    return {
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: `Execution is ${status} and cannot be redriven`,
    }
  return { RedriveStatus: ofMapRun ? 'REDRIVABLE_BY_MAP_RUN' : 'REDRIVABLE' }
}

/**
 * An ended child in the names that states see, in alphabetical order as AWS writes them, with Input and Output still text.
 * Dates are left out: a Map Run writes them as ISO text, a nested execution as milliseconds.
 */
export function describeChild(child: Child, ofMapRun: boolean): Readonly<Record<string, unknown>> {
  return {
    ...(child.cause === undefined ? {} : { Cause: child.cause }),
    ...(child.error === undefined ? {} : { Error: child.error }),
    ExecutionArn: child.arn,
    Input: child.inputText,
    InputDetails: { Included: true },
    Name: child.name,
    ...(child.outputText === undefined ? {} : { Output: child.outputText, OutputDetails: { Included: true } }),
    RedriveCount: 0,
    ...redriveOf(child, ofMapRun),
    StateMachineArn: child.machineArn,
    Status: child.status,
  }
}
