import type { Integration } from './integration.ts'
import { lambdaInvoke, lambdaInvokeWithToken } from './lambda-invoke.ts'
import { nestedExecution } from './nested-execution.ts'

/** Everything that a Task may call; any other Resource is refused with its state machine. */
export const INTEGRATIONS: Readonly<Record<string, Integration>> = {
  'arn:aws:states:::lambda:invoke': lambdaInvoke,
  'arn:aws:states:::lambda:invoke.waitForTaskToken': lambdaInvokeWithToken,
  'arn:aws:states:::states:startExecution.sync:2': nestedExecution,
}
