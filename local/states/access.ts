/** What IAM is asked before an operation of Step Functions runs (Service Authorization Reference, AWS Step Functions). */
import type {
  CreateStateMachineInput,
  DeleteStateMachineVersionInput,
  ListExecutionsInput,
  TagResourceInput,
  UntagResourceInput,
  UpdateStateMachineInput,
} from '@aws-sdk/client-sfn'
import { operationsOn, passRole, request, requestTags, resourceTags, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest } from '../wire/service.ts'
import { statesArn } from './arns.ts'
import { splitQualifier } from './machine-versions.ts'

interface Named {
  readonly stateMachineArn?: string
  readonly resourceArn?: string
  readonly executionArn?: string
  readonly mapRunArn?: string
  readonly taskToken?: string
}

interface Known {
  /** ARN of the machine whose task waits with this token; undefined for a token that was never given. */
  readonly machineOf: (token: string) => string | undefined
  /** Tags of a machine that is there. */
  readonly tagsOf: (machineArn: string) => ReadonlyMap<string, string> | undefined
}

const MACHINE_OPERATIONS = [
  'DeleteStateMachine',
  'DescribeStateMachine',
  'ListStateMachineVersions',
  'PublishStateMachineVersion',
  'StartExecution',
]
/** Those that may name a version, which a condition sees. */
const QUALIFIED = new Set(['DescribeStateMachine', 'StartExecution', 'DeleteStateMachineVersion', 'ListExecutions'])
const EXECUTION_OPERATIONS = [
  'DescribeExecution',
  'DescribeStateMachineForExecution',
  'GetExecutionHistory',
  'ListMapRuns',
  'RedriveExecution',
  'StopExecution',
]
const MAP_RUN_OPERATIONS = ['DescribeMapRun', 'UpdateMapRun']
const TOKEN_OPERATIONS = ['SendTaskSuccess', 'SendTaskFailure', 'SendTaskHeartbeat']

const ofMachine = (action: string, arn: string, tagsOf: Known['tagsOf'], context: AccessRequest['context'] = {}) =>
  request(action, arn, { ...resourceTags(tagsOf(arn) ?? new Map()), ...context })

const sdkTags = (tags: CreateStateMachineInput['tags']) =>
  requestTags(tags?.map(({ key, value }) => ({ Key: key, Value: value })))

const PASSED_TO = 'states.amazonaws.com'

const passed = (roleArn: string | undefined): AccessRequest[] => (roleArn ? [passRole(roleArn, PASSED_TO)] : [])

/**
 * The reference lists no resource for answering a task; the service asks about the state machine (its denials name it, and
 * CDK's `grantTaskResponse` grants it). The token itself is what admits: one that was never given is the operation's to refuse.
 */
const answering =
  (action: string, { machineOf, tagsOf }: Known): AccessOf =>
  ({ taskToken = '' }: Named) => {
    const machineArn = machineOf(taskToken)
    return machineArn === undefined ? [] : [ofMachine(`states:${action}`, machineArn, tagsOf)]
  }

export function statesAccess(place: { readonly accountId: string; readonly region: string }, known: Known): AccessMap {
  const anyMachine = statesArn(place, 'stateMachine', '*')
  const machine = ({ stateMachineArn = anyMachine }: Named): string => stateMachineArn
  const ofThis = (action: string, arn: string, context?: AccessRequest['context']): AccessRequest => {
    const { machineArn, qualifier } = arn.includes(':stateMachine:') ? splitQualifier(arn) : { machineArn: arn }
    const more: AccessRequest['context'] =
      qualifier !== undefined && QUALIFIED.has(action) ? { 'states:StateMachineQualifier': qualifier } : {}
    return ofMachine(`states:${action}`, machineArn, known.tagsOf, { ...context, ...more })
  }
  return {
    ...Object.fromEntries(MACHINE_OPERATIONS.map((name) => [name, (input: Named) => [ofThis(name, machine(input))]])),
    ...operationsOn('states', EXECUTION_OPERATIONS, ({ executionArn = '*' }: Named) => executionArn),
    ...operationsOn('states', MAP_RUN_OPERATIONS, ({ mapRunArn = '*' }: Named) => mapRunArn),
    ...operationsOn('states', ['ListStateMachines', 'ValidateStateMachineDefinition'], () => anyMachine),
    ListExecutions: (input: ListExecutionsInput) => [ofThis('ListExecutions', input.mapRunArn ?? machine(input))],
    ...Object.fromEntries(TOKEN_OPERATIONS.map((name) => [name, answering(name, known)])),
    DeleteStateMachineVersion: ({ stateMachineVersionArn = '*' }: DeleteStateMachineVersionInput) => [
      ofThis('DeleteStateMachineVersion', stateMachineVersionArn),
    ],
    ListTagsForResource: ({ resourceArn = '*' }: Named) => [ofThis('ListTagsForResource', resourceArn)],
    TagResource: ({ resourceArn = '*', tags }: TagResourceInput) => [ofThis('TagResource', resourceArn, sdkTags(tags))],
    UntagResource: ({ resourceArn = '*', tagKeys = [] }: UntagResourceInput) => [
      ofThis('UntagResource', resourceArn, { 'aws:TagKeys': tagKeys }),
    ],
    CreateStateMachine: ({ name = '*', roleArn, tags }: CreateStateMachineInput) => [
      request('states:CreateStateMachine', statesArn(place, 'stateMachine', name), sdkTags(tags)),
      ...passed(roleArn),
    ],
    UpdateStateMachine: (input: UpdateStateMachineInput) => [
      ofThis('UpdateStateMachine', machine(input)),
      ...passed(input.roleArn),
    ],
  }
}
