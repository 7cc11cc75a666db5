/** GetCommandInvocation and ListCommandInvocations: one invocation with its output, and which there are. */
import type {
  CommandInvocation,
  CommandPlugin,
  GetCommandInvocationRequest,
  GetCommandInvocationResult,
  ListCommandInvocationsRequest,
  ListCommandInvocationsResult,
} from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import type { Commands, Invocation } from './commands.ts'
import { pageOf } from './paging.ts'
import { invalidValue, refuseUnknownMembers } from './refusals.ts'

/** The one step of the document AWS-RunShellScript. */
const PLUGIN_NAME = 'aws:runShellScript'
const COMMAND_ID_LENGTH = 36
/** What is kept of a script's output, in characters (AWS facts F); a list shows less. */
const STDOUT_LIMIT = 24_000
const STDERR_LIMIT = 8000
const LISTED_OUTPUT_LIMIT = 2500
const SMALLEST_PAGE = 1
const SECOND_MS = 1000

function requireCommandId(commandId: string): void {
  if (commandId.length !== COMMAND_ID_LENGTH)
    throw invalidValue('commandId', commandId, `Member must have length equal to ${COMMAND_ID_LENGTH}`)
}

/** @throws AwsError InvocationDoesNotExist, also for the first moment after SendCommand; InvalidPluginName */
export function getCommandInvocation(
  input: GetCommandInvocationRequest,
  commands: Commands,
): GetCommandInvocationResult {
  const { CommandId: commandId, InstanceId: instanceId, PluginName: pluginName } = input
  if (commandId === undefined) throw invalidValue('commandId', commandId, 'Member must not be null')
  if (instanceId === undefined) throw invalidValue('instanceId', instanceId, 'Member must not be null')
  requireCommandId(commandId)
  const invocation = commands.find(commandId, instanceId)
  if (!invocation)
    throw new AwsError(
      'InvocationDoesNotExist',
      'The command ID and managed node ID you specified did not match any invocations.',
    )
  if (pluginName !== undefined && pluginName !== PLUGIN_NAME)
    throw new AwsError('InvalidPluginName', `The plugin name ${pluginName} is not valid.`)
  const { command, startedAtMs, endedAtMs } = reported(invocation)
  return {
    CommandId: commandId,
    InstanceId: instanceId,
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    PluginName: PLUGIN_NAME,
    ResponseCode: invocation.responseCode,
    ExecutionStartDateTime: startedAtMs === undefined ? '' : new Date(startedAtMs).toISOString(),
    ExecutionElapsedTime:
      startedAtMs === undefined || endedAtMs === undefined ? '' : `PT${(endedAtMs - startedAtMs) / SECOND_MS}S`,
    ExecutionEndDateTime: endedAtMs === undefined ? '' : new Date(endedAtMs).toISOString(),
    Status: invocation.status,
    StatusDetails: invocation.statusDetails,
    StandardOutputContent: invocation.stdout.slice(0, STDOUT_LIMIT),
    StandardOutputUrl: '',
    StandardErrorContent: invocation.stderr.slice(0, STDERR_LIMIT),
    StandardErrorUrl: '',
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
  }
}

/** Nobody outside knows when a script ended before its result is reported. */
function reported(invocation: Invocation): Invocation {
  if (invocation.status !== 'InProgress') return invocation
  const { endedAtMs: _, ...running } = invocation
  return running
}

/** Newest first. An id that matches nothing is no error. */
export function listCommandInvocations(
  input: ListCommandInvocationsRequest,
  commands: Commands,
): ListCommandInvocationsResult {
  refuseUnknownMembers('ListCommandInvocations', input, [
    'CommandId',
    'InstanceId',
    'MaxResults',
    'NextToken',
    'Details',
  ])
  if (input.CommandId !== undefined) requireCommandId(input.CommandId)
  const found = commands
    .all()
    .filter(({ command }) => input.CommandId === undefined || command.commandId === input.CommandId)
    .filter(({ instanceId }) => input.InstanceId === undefined || instanceId === input.InstanceId)
  const page = pageOf(found, input, SMALLEST_PAGE)
  return {
    CommandInvocations: page.items.map((invocation) => listed(reported(invocation), input.Details ?? false)),
    NextToken: page.nextToken,
  }
}

function listed(invocation: Invocation, details: boolean): CommandInvocation {
  const { command } = invocation
  return {
    CommandId: command.commandId,
    InstanceId: invocation.instanceId,
    InstanceName: '',
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    RequestedDateTime: new Date(command.requestedAtMs),
    Status: invocation.status,
    StatusDetails: invocation.statusDetails,
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: details ? [pluginOf(invocation)] : [],
    ServiceRole: '',
    NotificationConfig: { NotificationArn: '', NotificationEvents: [], NotificationType: undefined },
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
  }
}

function pluginOf({
  status,
  statusDetails,
  responseCode,
  stdout,
  stderr,
  startedAtMs,
  endedAtMs,
}: Invocation): CommandPlugin {
  return {
    Name: PLUGIN_NAME,
    Status: status === 'Cancelling' || status === 'Delayed' ? 'Pending' : status,
    StatusDetails: statusDetails,
    ResponseCode: responseCode,
    ResponseStartDateTime: startedAtMs === undefined ? undefined : new Date(startedAtMs),
    ResponseFinishDateTime: endedAtMs === undefined ? undefined : new Date(endedAtMs),
    Output: (stderr === '' ? stdout : `${stdout}\n----------ERROR-------\n${stderr}`).slice(0, LISTED_OUTPUT_LIMIT),
    StandardOutputUrl: '',
    StandardErrorUrl: '',
  }
}
