import type { Integration } from './integration.ts'
import { lambdaInvoke, lambdaInvokeWithToken } from './lambda-invoke.ts'
import { OPTIMISED, sdkIntegration } from './sdk-integration.ts'
import { nestedExecution, startedExecution } from './nested-execution.ts'

/** Everything that a Task may call; any other Resource is refused with its state machine. */
const INTEGRATIONS: Readonly<Record<string, Integration>> = {
  ...OPTIMISED,
  'arn:aws:states:::lambda:invoke': lambdaInvoke,
  'arn:aws:states:::lambda:invoke.waitForTaskToken': lambdaInvokeWithToken,
  'arn:aws:states:::states:startExecution': startedExecution,
  'arn:aws:states:::states:startExecution.sync:2': nestedExecution,
}

export const integrationOf = (resource: string): Integration | undefined =>
  Object.hasOwn(INTEGRATIONS, resource) ? INTEGRATIONS[resource] : sdkIntegration(resource)
