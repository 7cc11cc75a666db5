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
import { filterOf, requireCommandId } from './command-answers.ts'
import type { Commands } from './commands.ts'
import type { Command, Invocation, StepOutcome } from './model.ts'
import { pageOf } from './paging.ts'
import { invalidValue, refuseUnknownMembers } from './refusals.ts'

/** What is kept of a script's output, in characters (AWS facts F); a list shows less. */
const STDOUT_LIMIT = 24_000
const STDERR_LIMIT = 8000
const LISTED_OUTPUT_LIMIT = 2500
const SMALLEST_PAGE = 1
const SECOND_MS = 1000

/** The step that is meant: the only one, or the named one. */
function stepOf({ steps }: Invocation, pluginName: string | undefined): StepOutcome {
  const [only, ...others] = steps
  const step =
    pluginName === undefined ? (others.length === 0 ? only : undefined) : steps.find(({ name }) => name === pluginName)
  if (!step) throw new AwsError('InvalidPluginName', `The plugin name ${pluginName ?? ''} is not valid.`)
  return step
}

const instantOf = (ms: number | undefined): string => (ms === undefined ? '' : new Date(ms).toISOString())

/** @throws AwsError InvocationDoesNotExist, also for the first moment after SendCommand; InvalidPluginName */
export function getCommandInvocation(
  input: GetCommandInvocationRequest,
  commands: Commands,
): GetCommandInvocationResult {
  const { CommandId: commandId, InstanceId: instanceId, PluginName: pluginName } = input
  if (commandId === undefined) throw invalidValue('commandId', commandId, 'Member must not be null')
  if (instanceId === undefined) throw invalidValue('instanceId', instanceId, 'Member must not be null')
  requireCommandId(commandId)
  const command = commands.command(commandId)
  const invocation = command?.invocations.find((one) => one.instanceId === instanceId)
  if (!command || !invocation || !commands.isVisible(command))
    throw new AwsError(
      'InvocationDoesNotExist',
      'The command ID and managed node ID you specified did not match any invocations.',
    )
  const step = stepOf(invocation, pluginName)
  const { startedAtMs, endedAtMs } = step
  const isOnlyStep = invocation.steps.length === 1
  return {
    CommandId: commandId,
    InstanceId: instanceId,
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    PluginName: step.name,
    ResponseCode: step.responseCode,
    ExecutionStartDateTime: instantOf(startedAtMs),
    ExecutionElapsedTime:
      startedAtMs === undefined || endedAtMs === undefined ? '' : `PT${(endedAtMs - startedAtMs) / SECOND_MS}S`,
    ExecutionEndDateTime: instantOf(endedAtMs),
    Status: isOnlyStep ? invocation.status : step.status,
    StatusDetails: isOnlyStep ? invocation.statusDetails : step.statusDetails,
    StandardOutputContent: step.stdout.slice(0, STDOUT_LIMIT),
    StandardOutputUrl: '',
    StandardErrorContent: step.stderr.slice(0, STDERR_LIMIT),
    StandardErrorUrl: '',
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
  }
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
    'Filters',
  ])
  if (input.CommandId !== undefined) requireCommandId(input.CommandId)
  const filters = (input.Filters ?? []).map(filterOf)
  const found = commands
    .all()
    .filter((command) => commands.isVisible(command))
    .filter((command) => input.CommandId === undefined || command.id === input.CommandId)
    .flatMap((command) => command.invocations.map((invocation) => ({ command, invocation })))
    .filter(({ invocation }) => input.InstanceId === undefined || invocation.instanceId === input.InstanceId)
    .filter(({ command, invocation }) => filters.every((passes) => passes(command, invocation.status)))
  const page = pageOf(found, input, SMALLEST_PAGE)
  return {
    CommandInvocations: page.items.map(({ command, invocation }) =>
      listed(command, invocation, input.Details ?? false),
    ),
    NextToken: page.nextToken,
  }
}

function listed(command: Command, invocation: Invocation, details: boolean): CommandInvocation {
  return {
    CommandId: command.id,
    InstanceId: invocation.instanceId,
    InstanceName: invocation.instanceName,
    Comment: command.comment,
    DocumentName: command.documentName,
    DocumentVersion: command.documentVersion,
    RequestedDateTime: new Date(command.requestedAtMs),
    Status: invocation.status,
    StatusDetails: invocation.statusDetails,
    StandardOutputUrl: '',
    StandardErrorUrl: '',
    CommandPlugins: details ? invocation.steps.map(pluginOf) : [],
    ServiceRole: '',
    NotificationConfig: { NotificationArn: '', NotificationEvents: [], NotificationType: undefined },
    CloudWatchOutputConfig: { CloudWatchLogGroupName: '', CloudWatchOutputEnabled: false },
  }
}

function pluginOf(step: StepOutcome): CommandPlugin {
  const { name, status, statusDetails, responseCode, stdout, stderr, startedAtMs, endedAtMs } = step
  return {
    Name: name,
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
