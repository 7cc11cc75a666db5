/**
 * Systems Manager of the embedded account, as far as Run Command goes: shell scripts that run inside the guests.
 *
 * Whoever is reachable is a managed node: every running guest, unless its instance carries the tag `ssm=off` (an agent that was
 * never installed). A guest that does not run is no node at all, where AWS would list it as ConnectionLost for a while.
 */
import * as sdk from '@aws-sdk/client-ssm'
import type {
  GetCommandInvocationRequest,
  ListCommandInvocationsRequest,
  SendCommandRequest,
} from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import type { GuestProcess, Guests } from '../guests/guests.ts'
import type { EmittedEvent, Service } from '../wire/service.ts'
import { ssmAccess, type InstanceTags } from './access.ts'
import { Commands } from './commands.ts'
import { describeInstanceInformation } from './instance-information.ts'
import { getCommandInvocation, listCommandInvocations } from './invocation-answers.ts'
import { acceptSendCommand, sentCommand } from './send-command.ts'

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
  /** Kills the commands that run and forgets those that wait. Resolves when none is left. */
  close(): Promise<void>
}

const isNode = (guest: GuestProcess): boolean => guest.running && guest.spec.tags['ssm'] !== 'off'

/**
 * Operations: DescribeInstanceInformation, SendCommand (AWS-RunShellScript, by instance ids), GetCommandInvocation,
 * ListCommandInvocations. Emits `EC2 Command Invocation Status-change Notification` (AWS facts F).
 */
export function createSsm(options: SsmOptions): Ssm {
  const nodeOf = (instanceId: string): GuestProcess | undefined => {
    const guest = options.guests.ofInstance(instanceId)
    return guest && isNode(guest) ? guest : undefined
  }
  const commands = new Commands({ ...options, nodeOf })
  const { clock, region } = options

  return {
    service: {
      sdk,
      clientName: 'SSMClient',
      access: ssmAccess(options.instanceTags ?? (() => new Map())),
      operations: {
        DescribeInstanceInformation: (input: sdk.DescribeInstanceInformationRequest) =>
          describeInstanceInformation(input, options.guests.all().filter(isNode), { nowMs: clock.now(), region }),
        SendCommand: (input: SendCommandRequest) =>
          sentCommand(commands.send(acceptSendCommand(input, (instanceId) => nodeOf(instanceId) !== undefined))),
        GetCommandInvocation: (input: GetCommandInvocationRequest) => getCommandInvocation(input, commands),
        ListCommandInvocations: (input: ListCommandInvocationsRequest) => listCommandInvocations(input, commands),
      },
    },
    close: () => commands.close(),
  }
}
