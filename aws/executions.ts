import {
  DescribeExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn'
import { calling, codeOf } from './calling.ts'
import type { Executions } from '../core/ports.ts'

/** The wait has ended already: by an earlier event, by its time limit, or with its execution. */
const GONE = ['TaskDoesNotExist', 'TaskTimedOut', 'InvalidToken']

/** Cause is limited to 32,768 characters, Error to 256 (AWS facts C.1). */
const CAUSE_LIMIT = 32_768

const send = (operation: string, call: () => Promise<unknown>): Promise<'sent' | 'gone'> =>
  calling({ operation, subject: 'a waiting task' }, async () => {
    try {
      await call()
      return 'sent'
    } catch (error) {
      if (GONE.includes(codeOf(error) ?? '')) return 'gone'
      throw error
    }
  })

export function sfnExecutions(sfn: SFNClient): Executions {
  return {
    succeed: (taskToken, output) =>
      send('SendTaskSuccess', () =>
        sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) })),
      ),
    fail: (taskToken, error, cause) =>
      send('SendTaskFailure', () =>
        sfn.send(new SendTaskFailureCommand({ taskToken, error, cause: cause.slice(0, CAUSE_LIMIT) })),
      ),
    heartbeat: (taskToken) => send('SendTaskHeartbeat', () => sfn.send(new SendTaskHeartbeatCommand({ taskToken }))),
    isRunning: (execution) =>
      calling({ operation: 'DescribeExecution', subject: execution }, async () => {
        try {
          const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: execution }))
          return status === 'RUNNING' || status === 'PENDING_REDRIVE'
        } catch (error) {
          if (codeOf(error) === 'ExecutionDoesNotExist') return false
          throw error
        }
      }),
  }
}
