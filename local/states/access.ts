/** What IAM is asked before an operation of Step Functions runs (Service Authorization Reference, AWS Step Functions). */
import type { CreateStateMachineInput, ListExecutionsInput, UpdateStateMachineInput } from '@aws-sdk/client-sfn'
import { operationsOn, passRole, request, requestTags, type AccessMap } from '../wire/access.ts'
import type { AccessOf, AccessRequest } from '../wire/service.ts'
import { statesArn } from './arns.ts'

interface Named {
  readonly stateMachineArn?: string
  readonly executionArn?: string
  readonly mapRunArn?: string
  readonly taskToken?: string
}

/** ARN of the machine whose task waits with this token; undefined for a token that was never given. */
export type MachineOfToken = (token: string) => string | undefined

const MACHINE_OPERATIONS = ['DeleteStateMachine', 'DescribeStateMachine', 'StartExecution']
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

const PASSED_TO = 'states.amazonaws.com'

const passed = (roleArn: string | undefined): AccessRequest[] => (roleArn ? [passRole(roleArn, PASSED_TO)] : [])

/**
 * The reference lists no resource for answering a task; the service asks about the state machine (its denials name it, and
 * CDK's `grantTaskResponse` grants it). The token itself is what admits: one that was never given is the operation's to refuse.
 */
const answering =
  (action: string, machineOf: MachineOfToken): AccessOf =>
  ({ taskToken = '' }: Named) => {
    const machineArn = machineOf(taskToken)
    return machineArn === undefined ? [] : [request(`states:${action}`, machineArn)]
  }

export function statesAccess(
  place: { readonly accountId: string; readonly region: string },
  machineOf: MachineOfToken,
): AccessMap {
  const anyMachine = statesArn(place, 'stateMachine', '*')
  const machine = ({ stateMachineArn = anyMachine }: Named): string => stateMachineArn
  return {
    ...operationsOn('states', MACHINE_OPERATIONS, machine),
    ...operationsOn('states', EXECUTION_OPERATIONS, ({ executionArn = '*' }: Named) => executionArn),
    ...operationsOn('states', MAP_RUN_OPERATIONS, ({ mapRunArn = '*' }: Named) => mapRunArn),
    ...operationsOn('states', ['ListStateMachines', 'ValidateStateMachineDefinition'], () => anyMachine),
    ...operationsOn('states', ['ListExecutions'], (input: ListExecutionsInput) => input.mapRunArn ?? machine(input)),
    ...Object.fromEntries(TOKEN_OPERATIONS.map((name) => [name, answering(name, machineOf)])),
    CreateStateMachine: ({ name = '*', roleArn, tags }: CreateStateMachineInput) => [
      request(
        'states:CreateStateMachine',
        statesArn(place, 'stateMachine', name),
        requestTags(tags?.map(({ key, value }) => ({ Key: key, Value: value }))),
      ),
      ...passed(roleArn),
    ],
    UpdateStateMachine: (input: UpdateStateMachineInput) => [
      request('states:UpdateStateMachine', machine(input)),
      ...passed(input.roleArn),
    ],
  }
}
