/**
 * Systems Manager of the embedded account: Run Command, whose shell scripts run inside the guests, Command documents, and as
 * much of Parameter Store as launches need.
 */
import type {
  CancelCommandRequest,
  DescribeInstanceInformationRequest,
  GetCommandInvocationRequest,
  ListCommandInvocationsRequest,
  ListCommandsRequest,
  SendCommandRequest,
} from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { Guests } from '../guests/guests.ts'
import type { EmittedEvent, Service } from '../wire/service.ts'
import { ssmAccess, type InstanceTags } from './access.ts'
import { cancelCommand, listCommands, sentCommand } from './command-answers.ts'
import { Commands } from './commands.ts'
import { Documents } from './documents.ts'
import { describeInstanceInformation } from './instance-information.ts'
import { getCommandInvocation, listCommandInvocations } from './invocation-answers.ts'
import { newState } from './model.ts'
import type { SsmState } from './model.ts'
import { Nodes } from './nodes.ts'
import { Parameters } from './parameters.ts'
import { acceptSendCommand, targeted } from './send-command.ts'

export interface SsmOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly emit: (event: EmittedEvent) => void
  readonly guests: Pick<Guests, 'ofInstance' | 'all'>
  /** For permissions by tag; no instance has tags unless told. */
  readonly instanceTags?: InstanceTags
}

export interface Ssm {
  readonly service: Service
  readonly durable: Durable
  /** Sets a parameter of AWS, below `/aws/service/`. @throws Error for any other name */
  publishParameter(name: string, value: string): void
  /** The value of a parameter, by `name` or `name:version`, for whoever resolves `resolve:ssm:`. */
  parameterValue(name: string): string | undefined
  /** Kills the commands that run and forgets those that wait. Resolves when none is left. */
  close(): Promise<void>
}

export function createSsm(options: SsmOptions): Ssm {
  const state: SsmState = newState()
  const nodes = new Nodes(options, state)
  const commands = new Commands(options, state, nodes)
  const documents = new Documents(options, state)
  const parameters = new Parameters(options, state)

  return {
    service: {
      sdk: () => import('@aws-sdk/client-ssm'),
      clientName: 'SSMClient',
      signingName: 'ssm',
      access: ssmAccess(options.instanceTags ?? (() => new Map()), (targets) => targeted(targets, nodes)),
      operations: {
        DescribeInstanceInformation: (input: DescribeInstanceInformationRequest) =>
          describeInstanceInformation(input, nodes),
        SendCommand: (input: SendCommandRequest) => ({
          Command: sentCommand(commands.send(acceptSendCommand(input, documents, nodes))),
        }),
        CancelCommand: (input: CancelCommandRequest) => cancelCommand(input, commands),
        ListCommands: (input: ListCommandsRequest) => listCommands(input, commands),
        GetCommandInvocation: (input: GetCommandInvocationRequest) => getCommandInvocation(input, commands),
        ListCommandInvocations: (input: ListCommandInvocationsRequest) => listCommandInvocations(input, commands),
        ...documents.operations(),
        ...parameters.operations(),
      },
    },
    durable: {
      name: 'ssm',
      save() {
        nodes.refresh()
        return state
      },
      restore(saved) {
        const before = saved as SsmState
        for (const [id, command] of before.commands) state.commands.set(id, command)
        for (const [id, node] of before.nodes) state.nodes.set(id, node)
        for (const [name, document] of before.documents) state.documents.set(name, document)
        for (const [name, parameter] of before.parameters) state.parameters.set(name, parameter)
        state.commandCount = before.commandCount
      },
      resume: () => commands.resume(),
    },
    publishParameter: (name, value) => parameters.publish(name, value),
    parameterValue: (name) => parameters.valueOf(name),
    close: () => commands.close(),
  }
}
