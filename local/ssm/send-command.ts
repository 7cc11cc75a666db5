/** SendCommand: what is accepted, what is refused and how, and what is answered. */
import type { SendCommandRequest, SendCommandResult } from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import type { SentCommand } from './commands.ts'
import { invalidValue, notImplemented, refuseUnknownMembers } from './refusals.ts'

/** The only document here. */
const SHELL_SCRIPT = 'AWS-RunShellScript'
/** Documents of AWS itself: they exist there and not here. Any other name would have to be created first. */
const DOCUMENT_OF_AWS = /^(AWS|Amazon)/
const DOCUMENT_VERSIONS = ['$DEFAULT', '$LATEST', '1']
const PARAMETER_NAMES = ['commands', 'workingDirectory', 'executionTimeout']

const MOST_INSTANCES = 50
const LONGEST_COMMENT = 100
const SHORTEST_TIMEOUT_SECONDS = 30
/** 30 days × 86,400 s. */
const LONGEST_TIMEOUT_SECONDS = 2_592_000
const DEFAULT_TIMEOUT_SECONDS = 3600
/** The document's own limits for a script: 48 hours × 3,600 s, one hour unless told. */
const LONGEST_EXECUTION_SECONDS = 172_800
const DEFAULT_EXECUTION_SECONDS = 3600

/** A request that AWS would accept. */
export interface AcceptedCommand {
  readonly documentName: string
  readonly documentVersion: string
  readonly instanceIds: readonly string[]
  readonly parameters: Readonly<Record<string, string[]>>
  readonly script: string
  readonly workingDirectory: string | undefined
  readonly timeoutSeconds: number
  readonly executionTimeoutSeconds: number
  readonly comment: string
}

/**
 * @param isNode whether an agent answers for this instance now
 * @throws AwsError InvalidInstanceId (not reachable), DuplicateInstanceId, InvalidDocument, InvalidDocumentVersion,
 *   InvalidParameters, ValidationException; NotImplemented for targets by tag and for output to S3, CloudWatch or SNS
 */
export function acceptSendCommand(input: SendCommandRequest, isNode: (instanceId: string) => boolean): AcceptedCommand {
  refuseUnknownMembers('SendCommand', input, [
    'InstanceIds',
    'DocumentName',
    'DocumentVersion',
    'TimeoutSeconds',
    'Comment',
    'Parameters',
  ])
  const timeoutSeconds = input.TimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS
  if (timeoutSeconds < SHORTEST_TIMEOUT_SECONDS)
    throw invalidValue(
      'timeoutSeconds',
      timeoutSeconds,
      `Member must have value greater than or equal to ${SHORTEST_TIMEOUT_SECONDS}`,
    )
  if (timeoutSeconds > LONGEST_TIMEOUT_SECONDS)
    throw invalidValue(
      'timeoutSeconds',
      timeoutSeconds,
      `Member must have value less than or equal to ${LONGEST_TIMEOUT_SECONDS}`,
    )
  if ((input.Comment?.length ?? 0) > LONGEST_COMMENT)
    throw invalidValue('comment', input.Comment, `Member must have length less than or equal to ${LONGEST_COMMENT}`)
  const document = documentOf(input)
  return {
    ...document,
    ...parametersOf(input.Parameters ?? {}),
    instanceIds: instancesOf(input.InstanceIds ?? [], isNode),
    timeoutSeconds,
    comment: input.Comment ?? '',
  }
}

function documentOf(input: SendCommandRequest): Pick<AcceptedCommand, 'documentName' | 'documentVersion'> {
  const { DocumentName: name, DocumentVersion: version = '$DEFAULT' } = input
  if (name === undefined) throw invalidValue('documentName', name, 'Member must not be null')
  if (name !== SHELL_SCRIPT) {
    if (DOCUMENT_OF_AWS.test(name)) throw notImplemented(`the document ${name}`)
    throw new AwsError('InvalidDocument', `Document with name ${name} does not exist.`)
  }
  if (!DOCUMENT_VERSIONS.includes(version))
    throw new AwsError('InvalidDocumentVersion', `Document version ${version} of ${name} does not exist.`)
  return { documentName: name, documentVersion: version }
}

function instancesOf(instanceIds: readonly string[], isNode: (instanceId: string) => boolean): readonly string[] {
  if (instanceIds.length > MOST_INSTANCES)
    throw invalidValue(
      'instanceIds',
      `[${instanceIds.join(', ')}]`,
      `Member must have length less than or equal to ${MOST_INSTANCES}`,
    )
  if (new Set(instanceIds).size < instanceIds.length)
    throw new AwsError('DuplicateInstanceId', 'You cannot specify an instance ID in more than one association.')
  const unreachable = instanceIds.filter((instanceId) => !isNode(instanceId))
  if (instanceIds.length === 0 || unreachable.length > 0)
    throw new AwsError('InvalidInstanceId', `Instances [[${unreachable.join(', ')}]] not in a valid state for account`)
  return instanceIds
}

function parametersOf(
  parameters: Readonly<Record<string, string[]>>,
): Pick<AcceptedCommand, 'parameters' | 'script' | 'workingDirectory' | 'executionTimeoutSeconds'> {
  const unknown = Object.keys(parameters).find((name) => !PARAMETER_NAMES.includes(name))
  if (unknown !== undefined) throw invalidParameters(`Parameter ${unknown} is not defined in document ${SHELL_SCRIPT}.`)
  const { commands, workingDirectory, executionTimeout } = parameters
  if (commands === undefined || commands.length === 0)
    throw invalidParameters(`Parameter commands of document ${SHELL_SCRIPT} is required.`)
  for (const [name, values] of Object.entries({ workingDirectory, executionTimeout }))
    if (values !== undefined && values.length !== 1) throw invalidParameters(`Parameter ${name} is a single string.`)
  return {
    parameters,
    script: commands.join('\n'),
    workingDirectory: workingDirectory?.[0] === '' ? undefined : workingDirectory?.[0],
    executionTimeoutSeconds: executionSeconds(executionTimeout?.[0]),
  }
}

function executionSeconds(text: string | undefined): number {
  if (text === undefined) return DEFAULT_EXECUTION_SECONDS
  const seconds = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= LONGEST_EXECUTION_SECONDS))
    throw invalidParameters(`Parameter executionTimeout is a number of seconds up to ${LONGEST_EXECUTION_SECONDS}.`)
  return seconds
}

const invalidParameters = (message: string): AwsError => new AwsError('InvalidParameters', message)

/** The answer: the command as it stands at the moment of its acceptance. */
export function sentCommand(command: SentCommand): SendCommandResult {
  return {
    Command: {
      CommandId: command.commandId,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      Comment: command.comment,
      ExpiresAfter: new Date(command.expiresAtMs),
      Parameters: { ...command.parameters },
      InstanceIds: [...command.instanceIds],
      Targets: [],
      RequestedDateTime: new Date(command.requestedAtMs),
      Status: 'Pending',
      StatusDetails: 'Pending',
      MaxConcurrency: '50',
      MaxErrors: '0',
      TargetCount: command.instanceIds.length,
      CompletedCount: 0,
      ErrorCount: 0,
      DeliveryTimedOutCount: 0,
      TimeoutSeconds: command.timeoutSeconds,
    },
  }
}
