/** SendCommand: what is accepted, and what is refused and how (AWS facts F). */
import type { SendCommandRequest, Target } from '@aws-sdk/client-ssm'
import { AwsError } from '../wire/service.ts'
import type { ShellStep } from './document-content.ts'
import { stepsOf } from './document-content.ts'
import type { Documents } from './documents.ts'
import type { Nodes } from './nodes.ts'
import { invalidValue, notImplemented, refuseUnknownMembers } from './refusals.ts'

const MOST_INSTANCES = 50
const MOST_TARGETS = 5
const MOST_VALUES = 50
const LONGEST_COMMENT = 100
const SHORTEST_TIMEOUT_SECONDS = 30
/** 30 days × 86,400 s. */
const LONGEST_TIMEOUT_SECONDS = 2_592_000
const DEFAULT_TIMEOUT_SECONDS = 3600
const NUMBER_OR_PERCENT = /^([1-9]\d{0,6}|[1-9]\d?%|100%)$/
const NUMBER_OR_PERCENT_OR_NONE = /^(0|[1-9]\d{0,6}|\d{1,2}%|100%)$/

/** A request that AWS would accept. */
export interface AcceptedCommand {
  readonly documentName: string
  readonly documentVersion: string
  readonly instanceIds: readonly string[]
  readonly targets: readonly Target[]
  /** Where it goes, by name or by target. */
  readonly recipients: readonly string[]
  readonly parameters: Readonly<Record<string, string[]>>
  readonly steps: readonly ShellStep[]
  readonly timeoutSeconds: number
  readonly maxConcurrency: string
  readonly maxErrors: string
  readonly comment: string
}

/**
 * @throws AwsError InvalidInstanceId (not reachable), DuplicateInstanceId, InvalidDocument, InvalidDocumentVersion,
 *   UnsupportedPlatformType, InvalidParameters, ValidationException; NotImplemented for output to S3, CloudWatch or SNS
 */
export function acceptSendCommand(input: SendCommandRequest, documents: Documents, nodes: Nodes): AcceptedCommand {
  refuseUnknownMembers('SendCommand', input, [
    'InstanceIds',
    'Targets',
    'DocumentName',
    'DocumentVersion',
    'TimeoutSeconds',
    'Comment',
    'Parameters',
    'MaxConcurrency',
    'MaxErrors',
  ])
  if ((input.Comment?.length ?? 0) > LONGEST_COMMENT)
    throw invalidValue('comment', input.Comment, `Member must have length less than or equal to ${LONGEST_COMMENT}`)
  const timeoutSeconds = checkedTimeout(input.TimeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS)
  const { DocumentName: name, DocumentVersion: version = '$DEFAULT', Parameters: parameters = {} } = input
  if (name === undefined) throw invalidValue('documentName', name, 'Member must not be null')
  const document = documents.toRun(name, version)
  return {
    documentName: document.name,
    documentVersion: version,
    parameters,
    steps: stepsOf(document.content, parameters, document.name),
    ...recipientsOf(input, nodes),
    timeoutSeconds,
    maxConcurrency: checkedRate('maxConcurrency', input.MaxConcurrency ?? '50', NUMBER_OR_PERCENT),
    maxErrors: checkedRate('maxErrors', input.MaxErrors ?? '0', NUMBER_OR_PERCENT_OR_NONE),
    comment: input.Comment ?? '',
  }
}

function checkedTimeout(seconds: number): number {
  const bound = seconds < SHORTEST_TIMEOUT_SECONDS ? SHORTEST_TIMEOUT_SECONDS : LONGEST_TIMEOUT_SECONDS
  const relation = bound === SHORTEST_TIMEOUT_SECONDS ? 'greater' : 'less'
  if (seconds < SHORTEST_TIMEOUT_SECONDS || seconds > LONGEST_TIMEOUT_SECONDS)
    throw invalidValue('timeoutSeconds', seconds, `Member must have value ${relation} than or equal to ${bound}`)
  return seconds
}

function checkedRate(member: string, value: string, pattern: RegExp): string {
  if (!pattern.test(value))
    throw invalidValue(member, value, `Member must satisfy regular expression pattern: ${pattern.source}`)
  return value
}

function recipientsOf(
  { InstanceIds: instanceIds = [], Targets: targets = [] }: SendCommandRequest,
  nodes: Nodes,
): Pick<AcceptedCommand, 'instanceIds' | 'targets' | 'recipients'> {
  if (instanceIds.length > 0 && targets.length > 0)
    throw new AwsError('ValidationException', 'Specify instance IDs or targets, but not both.')
  if (targets.length === 0) return { instanceIds, targets, recipients: instancesOf(instanceIds, nodes) }
  return { instanceIds, targets, recipients: targeted(targets, nodes) }
}

/** The nodes that have all of the targets. @throws AwsError InvalidTarget, InvalidInstanceId, ValidationException; NotImplemented */
export function targeted(targets: readonly Target[], nodes: Nodes): string[] {
  if (targets.length > MOST_TARGETS)
    throw invalidValue(
      'targets',
      `${targets.length} targets`,
      `Member must have length less than or equal to ${MOST_TARGETS}`,
    )
  const matchers = targets.map((target) => matcherOf(target, nodes))
  const online = nodes.all().filter((node) => !node.hasLeft)
  const found = online.filter(({ instanceId }) => matchers.every((matches) => matches(instanceId)))
  return found.map(({ instanceId }) => instanceId)
}

function instancesOf(instanceIds: readonly string[], nodes: Nodes): readonly string[] {
  if (instanceIds.length > MOST_INSTANCES)
    throw invalidValue(
      'instanceIds',
      `[${instanceIds.join(', ')}]`,
      `Member must have length less than or equal to ${MOST_INSTANCES}`,
    )
  if (new Set(instanceIds).size < instanceIds.length)
    throw new AwsError('DuplicateInstanceId', 'You cannot specify an instance ID in more than one association.')
  const unreachable = instanceIds.filter((instanceId) => !nodes.accepts(instanceId))
  if (instanceIds.length === 0 || unreachable.length > 0)
    throw new AwsError('InvalidInstanceId', `Instances [[${unreachable.join(', ')}]] not in a valid state for account`)
  return instanceIds
}

/** Several targets narrow each other down; several values of one widen it. */
function matcherOf({ Key: key = '', Values: values = [] }: Target, nodes: Nodes): (instanceId: string) => boolean {
  if (values.length > MOST_VALUES)
    throw invalidValue(
      'values',
      `${values.length} values`,
      `Member must have length less than or equal to ${MOST_VALUES}`,
    )
  if (key === 'InstanceIds') {
    instancesOf(values, nodes)
    return (instanceId) => values.includes(instanceId)
  }
  if (key === 'tag-key') return (instanceId) => values.some((name) => nodes.tagsOf(instanceId).has(name))
  if (key.startsWith('tag:')) {
    const name = key.slice('tag:'.length)
    return (instanceId) => values.includes(nodes.tagsOf(instanceId).get(name) ?? '\0')
  }
  if (key.startsWith('resource-groups:')) throw notImplemented('targets by resource group')
  throw new AwsError('InvalidTarget', `The target key ${key} is not valid.`)
}
