import type { Workflow } from '../core/ports.ts'
import type { Account } from '../local/account.ts'
import { STACK } from './synthesize.ts'

/** Of the stack's state machine: what the console starts an execution of. */
export const stateMachineArn = ({ region, accountId }: Account, workflow: Workflow): string =>
  `arn:aws:states:${region}:${accountId}:stateMachine:${STACK}-${workflow}`
