import type {
  SendTaskFailureInput,
  SendTaskFailureOutput,
  SendTaskHeartbeatInput,
  SendTaskHeartbeatOutput,
  SendTaskSuccessInput,
  SendTaskSuccessOutput,
} from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import { PAYLOAD_LIMIT_BYTES } from './failure.ts'
import type { Tokens } from './tokens.ts'

/** What those who hold a task token call. A token that was answered, or whose task has ended, is TaskTimedOut. */
export function taskOperations(tokens: Tokens) {
  return {
    SendTaskSuccess: ({ taskToken = '', output = '' }: SendTaskSuccessInput): SendTaskSuccessOutput => {
      if (Buffer.byteLength(output) > PAYLOAD_LIMIT_BYTES)
        throw new AwsError(
          'ValidationException',
          `1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have length less than or equal to ${PAYLOAD_LIMIT_BYTES}`,
        )
      tokens.succeed(taskToken, output)
      return {}
    },
    SendTaskFailure: ({ taskToken = '', error, cause }: SendTaskFailureInput): SendTaskFailureOutput => {
      tokens.fail(taskToken, error, cause)
      return {}
    },
    SendTaskHeartbeat: ({ taskToken = '' }: SendTaskHeartbeatInput): SendTaskHeartbeatOutput => {
      tokens.heartbeat(taskToken)
      return {}
    },
  }
}
