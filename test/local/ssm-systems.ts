/** Systems Manager with guests that are played: they do at once what a test tells them to. */
import type * as Sdk from '@aws-sdk/client-ssm'
import { onTestFinished } from 'vitest'
import { autoClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import type { CommandResult, GuestProcess } from '../../local/guests/guests.ts'
import { createSsm } from '../../local/ssm/ssm.ts'
import type { Ssm, SsmOptions } from '../../local/ssm/ssm.ts'
import type { EmittedEvent } from '../../local/wire/service.ts'
import { START_MS } from './guest-machine.ts'

export const CALLER = {
  accountId: '123456789012',
  region: 'eu-central-1',
  arn: 'arn:aws:iam::123456789012:user/test',
  accessKeyId: 'AKIA',
  requestId: '1',
}
export const NO_NODE = 'i-00000000000000000'
export const nodeId = (number: number): string => `i-0000000000000000${number}`

type Played = { -readonly [Key in keyof GuestProcess]: GuestProcess[Key] }
type Run = (script: string, signal: AbortSignal | undefined) => Promise<Partial<CommandResult>>

export const ended = (result: Partial<CommandResult> = {}): CommandResult => ({
  stdout: '',
  stderr: '',
  exitCode: 0,
  endedBy: 'exit',
  ...result,
})

export function playedGuest(clock: Clock, instanceId: string, tags: Record<string, string> = {}, run?: Run): Played {
  return {
    instanceId,
    spec: { instanceId, imageId: 'ami-1', disks: [], tags, privateIpAddress: '10.0.0.5' },
    root: '/',
    startedAtMs: clock.now(),
    endedAtMs: undefined,
    hasCrashed: false,
    running: true,
    pause() {},
    resume() {},
    async stop() {},
    async reboot() {},
    disksChanged() {},
    run: async (script, { signal }) => ended(await run?.(script, signal)),
  }
}

/** Only what these tests call. */
export interface Api {
  DescribeInstanceInformation: [Sdk.DescribeInstanceInformationRequest, Sdk.DescribeInstanceInformationResult]
  SendCommand: [Partial<Sdk.SendCommandRequest>, Sdk.SendCommandResult]
  CancelCommand: [Sdk.CancelCommandRequest, Sdk.CancelCommandResult]
  ListCommands: [Sdk.ListCommandsRequest, Sdk.ListCommandsResult]
  GetCommandInvocation: [Sdk.GetCommandInvocationRequest, Sdk.GetCommandInvocationResult]
  ListCommandInvocations: [Sdk.ListCommandInvocationsRequest, Sdk.ListCommandInvocationsResult]
  CreateDocument: [Partial<Sdk.CreateDocumentRequest>, Sdk.CreateDocumentResult]
  UpdateDocument: [Partial<Sdk.UpdateDocumentRequest>, Sdk.UpdateDocumentResult]
  UpdateDocumentDefaultVersion: [Sdk.UpdateDocumentDefaultVersionRequest, Sdk.UpdateDocumentDefaultVersionResult]
  DescribeDocument: [Sdk.DescribeDocumentRequest, Sdk.DescribeDocumentResult]
  GetDocument: [Sdk.GetDocumentRequest, Sdk.GetDocumentResult]
  ListDocuments: [Sdk.ListDocumentsRequest, Sdk.ListDocumentsResult]
  DeleteDocument: [Sdk.DeleteDocumentRequest, Sdk.DeleteDocumentResult]
  PutParameter: [Partial<Sdk.PutParameterRequest>, Sdk.PutParameterResult]
  GetParameter: [Sdk.GetParameterRequest, Sdk.GetParameterResult]
  GetParameters: [Sdk.GetParametersRequest, Sdk.GetParametersResult]
  GetParametersByPath: [Sdk.GetParametersByPathRequest, Sdk.GetParametersByPathResult]
  DeleteParameter: [Sdk.DeleteParameterRequest, Sdk.DeleteParameterResult]
}

export interface Systems {
  readonly clock: Clock
  readonly ssm: Ssm
  readonly events: EmittedEvent[]
  readonly call: <Name extends keyof Api>(name: Name, input: Api[Name][0]) => Promise<Api[Name][1]>
  /** Sends a command to the first node, unless told otherwise; returns its id. */
  readonly send: (input?: Partial<Sdk.SendCommandRequest>) => Promise<string>
  readonly get: (commandId: string, instanceId?: string, pluginName?: string) => Promise<Sdk.GetCommandInvocationResult>
  readonly command: (commandId: string) => Promise<Sdk.Command>
}

/** Whoever's guests, or those played in `guests`. */
export function systems(guests: SsmOptions['guests'] | readonly GuestProcess[], clock = autoClock(START_MS)): Systems {
  const events: EmittedEvent[] = []
  const source = 'ofInstance' in guests ? guests : { all: () => guests, ofInstance: (id: string) => find(guests, id) }
  const { accountId, region } = CALLER
  const ssm = createSsm({ clock, accountId, region, emit: (event) => events.push(event), guests: source })
  onTestFinished(() => ssm.close())
  const call: Systems['call'] = async (name, input) => {
    const operation = ssm.service.operations[name]
    if (!operation) throw new Error(`${name} is not implemented`)
    return (await operation(input as never, CALLER)) as never
  }
  return {
    clock,
    ssm,
    events,
    call,
    async send(input = {}) {
      const { Command } = await call('SendCommand', {
        DocumentName: 'AWS-RunShellScript',
        ...(input.Targets ? {} : { InstanceIds: [source.all()[0]?.instanceId ?? NO_NODE] }),
        ...(input.DocumentName ? {} : { Parameters: { commands: ['true'] } }),
        ...input,
      })
      return Command?.CommandId ?? ''
    },
    get: (CommandId, InstanceId = source.all()[0]?.instanceId, PluginName) =>
      call('GetCommandInvocation', { CommandId, InstanceId, ...(PluginName ? { PluginName } : {}) }),
    async command(CommandId) {
      const { Commands: [command] = [] } = await call('ListCommands', { CommandId })
      return command!
    },
  }
}

const find = (guests: readonly GuestProcess[], id: string): GuestProcess | undefined =>
  guests.find(({ instanceId, running }) => instanceId === id && running)
