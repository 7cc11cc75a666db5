import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm'
import { TandemError } from '../core/errors.ts'
import type { Guests } from '../core/ports.ts'
import { calling, codeOf } from './calling.ts'

const RUNNING = ['Pending', 'InProgress', 'Delayed', 'Cancelling']

export const ssmGuests = (ssm: SSMClient): Guests => ({
  async isReachable(machine) {
    const { InstanceInformationList } = await calling(
      { operation: 'DescribeInstanceInformation', subject: machine },
      () => ssm.send(new DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values: [machine] }] })),
    )
    return InstanceInformationList?.[0]?.PingStatus === 'Online'
  },
  async run(machine, command, timeoutSeconds) {
    const { Command } = await calling({ operation: 'SendCommand', subject: machine }, () =>
      ssm.send(
        new SendCommandCommand({
          DocumentName: 'AWS-RunShellScript',
          InstanceIds: [machine],
          Parameters: { commands: [command], executionTimeout: [String(timeoutSeconds)] },
          TimeoutSeconds: timeoutSeconds,
        }),
      ),
    )
    if (!Command?.CommandId)
      throw new TandemError('UnexpectedAwsError', `SendCommand to ${machine} answered without an id.`)
    return Command.CommandId
  },
  result: (machine, command) =>
    calling({ operation: 'GetCommandInvocation', subject: `${command} on ${machine}` }, async () => {
      try {
        const { Status, StandardOutputContent } = await ssm.send(
          new GetCommandInvocationCommand({ CommandId: command, InstanceId: machine }),
        )
        const output = StandardOutputContent ?? ''
        if (RUNNING.includes(Status ?? '')) return { state: 'running', output }
        return { state: Status === 'Success' ? 'succeeded' : 'failed', output }
      } catch (error) {
        // Right after SendCommand the invocation may not be there yet (AWS facts F).
        if (codeOf(error) === 'InvocationDoesNotExist') return { state: 'running', output: '' }
        throw error
      }
    }),
})
