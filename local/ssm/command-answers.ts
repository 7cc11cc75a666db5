/** Commands as SSM describes them: the answer to SendCommand, ListCommands, and CancelCommand. */
import type {
  CancelCommandRequest,
  CancelCommandResult,
  Command as CommandOutput,
  CommandFilter,
  ListCommandsRequest,
  ListCommandsResult,
} from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import { completedCountOf, errorCountOf, statusOf, undeliveredCountOf } from './command-status.ts'
import type { Commands } from './commands.ts'
import type { Command } from './model.ts'
import { pageOf } from './paging.ts'
import { invalidValue, refuseUnknownMembers } from './refusals.ts'

export const COMMAND_ID_LENGTH = 36
const SMALLEST_PAGE = 1

export function toCommandOutput(command: Command): CommandOutput {
  const { status, details } = statusOf(command)
  return {
    CommandId: command.id,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    Comment: command.comment,
    ExpiresAfter: new Date(command.expiresAtMs),
    Parameters: { ...command.parameters },
    InstanceIds: [...command.instanceIds],
    Targets: [...command.targets],
    RequestedDateTime: new Date(command.requestedAtMs),
    Status: status,
    StatusDetails: details,
    OutputS3BucketName: '',
    OutputS3KeyPrefix: '',
    MaxConcurrency: command.maxConcurrency,
    MaxErrors: command.maxErrors,
    TargetCount: command.invocations.length,
    CompletedCount: completedCountOf(command),
    ErrorCount: errorCountOf(command),
    DeliveryTimedOutCount: undeliveredCountOf(command),
    ServiceRole: '',
    NotificationConfig: { NotificationArn: '', NotificationEvents: [], NotificationType: undefined },
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
    TimeoutSeconds: command.timeoutSeconds,
  }
}

/** At the moment of its acceptance nobody is told yet that no instance has the tag. */
export const sentCommand = (command: Command): CommandOutput => ({
  ...toCommandOutput(command),
  Status: 'Pending',
  StatusDetails: 'Pending',
})

export function requireCommandId(commandId: string): void {
  if (commandId.length !== COMMAND_ID_LENGTH)
    throw invalidValue('commandId', commandId, `Member must have length equal to ${COMMAND_ID_LENGTH}`)
}

function instant(value: string): number {
  const ms = Date.parse(value)
  if (Number.isNaN(ms)) throw new AwsError('InvalidFilterKey', `${value} is no time in ISO 8601.`)
  return ms
}

/** The filters that lists of commands and of invocations share. */
export function filterOf({ key, value = '' }: CommandFilter): (command: Command, status: string) => boolean {
  switch (key) {
    case 'InvokedAfter':
      return ({ requestedAtMs }) => requestedAtMs > instant(value)
    case 'InvokedBefore':
      return ({ requestedAtMs }) => requestedAtMs < instant(value)
    case 'Status':
      return (_, status) => status === value
    case 'DocumentName':
      return ({ documentName }) => documentName === value
    case 'ExecutionStage':
      return (command) => value === (completedCountOf(command) < command.invocations.length ? 'Executing' : 'Complete')
    case undefined:
    default:
      throw new AwsError('InvalidFilterKey', `The specified key ${String(key)} is not valid.`)
  }
}

/** Newest first. */
export function listCommands(input: ListCommandsRequest, commands: Commands): ListCommandsResult {
  refuseUnknownMembers('ListCommands', input, ['CommandId', 'InstanceId', 'MaxResults', 'NextToken', 'Filters'])
  if (input.CommandId !== undefined) requireCommandId(input.CommandId)
  const filters = (input.Filters ?? []).map(filterOf)
  const found = commands
    .all()
    .filter((command) => input.CommandId === undefined || command.id === input.CommandId)
    .filter(
      ({ invocations }) =>
        input.InstanceId === undefined || invocations.some(({ instanceId }) => instanceId === input.InstanceId),
    )
    .filter((command) => filters.every((passes) => passes(command, statusOf(command).status)))
  const page = pageOf(found, input, SMALLEST_PAGE)
  return { Commands: page.items.map(toCommandOutput), NextToken: page.nextToken }
}

/** @throws AwsError InvalidCommandId, InvalidInstanceId, DuplicateInstanceId */
export function cancelCommand(input: CancelCommandRequest, commands: Commands): CancelCommandResult {
  const { CommandId: commandId = '', InstanceIds: instanceIds = [] } = input
  requireCommandId(commandId)
  const command = commands.command(commandId)
  if (!command) throw new AwsError('InvalidCommandId', 'The specified command ID is not valid.')
  if (new Set(instanceIds).size < instanceIds.length)
    throw new AwsError('DuplicateInstanceId', 'You cannot specify an instance ID in more than one association.')
  const stranger = instanceIds.find((id) => !command.invocations.some(({ instanceId }) => instanceId === id))
  if (stranger !== undefined) throw new AwsError('InvalidInstanceId', `The command was not sent to ${stranger}.`)
  commands.cancel(command, instanceIds)
  return {}
}
