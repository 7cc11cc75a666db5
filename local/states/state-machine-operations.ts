import type {
  CreateStateMachineInput,
  CreateStateMachineOutput,
  DeleteStateMachineInput,
  DeleteStateMachineOutput,
  DescribeStateMachineInput,
  DescribeStateMachineOutput,
  ListStateMachinesInput,
  ListStateMachinesOutput,
  UpdateStateMachineInput,
  UpdateStateMachineOutput,
} from '@aws-sdk/client-sfn'
import { checkArn } from './arns.ts'
import type { Executions } from './executions.ts'
import { versionArn } from './machine-versions.ts'
import { pageOf } from './paging.ts'
import { refuseMetadataOnly } from './refusals.ts'
import { checkSdkTasks } from './sdk-validation.ts'
import type { StateMachine, StateMachines } from './state-machines.ts'
import { parseDefinition } from './validation.ts'

export function stateMachineOperations(machines: StateMachines, executions: Executions) {
  return {
    CreateStateMachine: async (input: CreateStateMachineInput): Promise<CreateStateMachineOutput> => {
      await checkSdkTasks(parseDefinition(input.definition ?? ''))
      const machine = machines.create(input)
      const published = input.publish ? publishedArn(machine, machines, input.versionDescription) : {}
      return { stateMachineArn: machine.arn, creationDate: new Date(machine.createdAtMs), ...published }
    },
    DescribeStateMachine: (input: DescribeStateMachineInput): DescribeStateMachineOutput => {
      refuseMetadataOnly(input.includedData)
      return describe(machines.findQualified(checkArn(input.stateMachineArn, 'stateMachine')))
    },
    ListStateMachines: (input: ListStateMachinesInput): ListStateMachinesOutput => {
      const { items, nextToken } = pageOf(machines.all, 'stateMachines', input)
      return { stateMachines: items.map(itemOf), nextToken }
    },
    UpdateStateMachine: async (input: UpdateStateMachineInput): Promise<UpdateStateMachineOutput> => {
      if (input.definition !== undefined) await checkSdkTasks(parseDefinition(input.definition))
      const machine = machines.update(checkArn(input.stateMachineArn, 'stateMachine'), input)
      const published = input.publish ? publishedArn(machine, machines, input.versionDescription) : {}
      return { updateDate: new Date(machine.updatedAtMs), revisionId: machine.revisionId, ...published }
    },
    /** Its executions end at their next transition. */
    DeleteStateMachine: (input: DeleteStateMachineInput): DeleteStateMachineOutput => {
      const arn = checkArn(input.stateMachineArn, 'stateMachine')
      const running = executions.all.filter(
        (execution) => execution.machineArn === arn && execution.status === 'RUNNING',
      )
      machines.delete(
        arn,
        running.map((execution) => execution.ended),
      )
      return {}
    },
  }
}

const itemOf = (machine: StateMachine) => ({
  stateMachineArn: machine.arn,
  name: machine.name,
  type: 'STANDARD' as const,
  creationDate: new Date(machine.createdAtMs),
})

function publishedArn(machine: StateMachine, machines: StateMachines, description: string | undefined) {
  return { stateMachineVersionArn: versionArn(machine.arn, machines.publish(machine, description).number) }
}

function describe({ machine, version }: ReturnType<StateMachines['findQualified']>): DescribeStateMachineOutput {
  const { definitionText, roleArn, logging, tracing, revisionId } = version ?? machine
  const ofVersion = version && {
    stateMachineArn: versionArn(machine.arn, version.number),
    creationDate: new Date(version.createdAtMs),
    description: version.description,
  }
  return {
    ...itemOf(machine),
    status: machine.status,
    definition: definitionText,
    roleArn,
    loggingConfiguration: logging,
    tracingConfiguration: tracing,
    revisionId,
    encryptionConfiguration: { type: 'AWS_OWNED_KEY' },
    ...ofVersion,
  }
}
