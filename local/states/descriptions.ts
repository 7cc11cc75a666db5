import type { Child } from './engine.ts'

interface Redrive {
  readonly RedriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE' | 'REDRIVABLE_BY_MAP_RUN'
  readonly RedriveStatusReason?: string
}

/** Whether it can be redriven (AWS facts C.6), and why not. */
export function redriveOf(child: Pick<Child, 'status' | 'isRedrivable'>, ofMapRun: boolean): Redrive {
  const { status, isRedrivable } = child
  if (status === 'RUNNING' || status === 'SUCCEEDED')
    return {
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: `Execution is ${status} and cannot be redriven`,
    }
  if (!isRedrivable)
    return {
      RedriveStatus: 'NOT_REDRIVABLE',
      RedriveStatusReason: 'Execution history event limit exceeded or redrivable period exceeded',
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
    RedriveCount: child.redriveCount,
    ...redriveOf(child, ofMapRun),
    StateMachineArn: child.machineArn,
    Status: child.status,
  }
}
