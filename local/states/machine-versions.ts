import type {
  DeleteStateMachineVersionInput,
  ListStateMachineVersionsInput,
  ListStateMachineVersionsOutput,
  LoggingConfiguration,
  PublishStateMachineVersionInput,
  PublishStateMachineVersionOutput,
  TracingConfiguration,
} from '@aws-sdk/client-sfn'
import { AwsError } from '../wire/service.ts'
import { checkArn } from './arns.ts'
import type { Definition } from './definition.ts'
import { pageOf } from './paging.ts'
import type { StateMachines } from './state-machines.ts'

const VERSIONS_MAX = 1000

/** What a machine was when it was published. Plain data. */
export interface MachineVersion {
  readonly number: number
  readonly description: string | undefined
  readonly createdAtMs: number
  readonly definitionText: string
  readonly definition: Definition
  readonly roleArn: string
  readonly logging: LoggingConfiguration
  readonly tracing: TracingConfiguration
  readonly revisionId: string
}

/** The versions of one machine. Plain data. */
export interface Versions {
  readonly published: readonly MachineVersion[]
  /** Numbers are not used again. */
  readonly lastNumber: number
}

export const NO_VERSIONS: Versions = { published: [], lastNumber: 0 }

type Published = Omit<MachineVersion, 'number' | 'description' | 'createdAtMs'>

export const versionArn = (machineArn: string, number: number): string => `${machineArn}:${number}`

/** The machine's own ARN, and what stands behind it: the number of a version, or the name of an alias. */
export function splitQualifier(arn: string): { readonly machineArn: string; readonly qualifier: string | undefined } {
  const parts = arn.split(':')
  return { machineArn: parts.slice(0, 7).join(':'), qualifier: parts[7] }
}

/**
 * The versions with one of the revision as it is now; the same as before when there is one already.
 * @throws AwsError ServiceQuotaExceededException
 */
export function publish(
  versions: Versions,
  { definitionText, definition, roleArn, logging, tracing, revisionId }: Published,
  made: { readonly description: string | undefined; readonly nowMs: number },
): { readonly versions: Versions; readonly version: MachineVersion } {
  const known = versions.published.find((version) => version.revisionId === revisionId)
  if (known) return { versions, version: known }
  if (versions.published.length >= VERSIONS_MAX)
    throw new AwsError(
      'ServiceQuotaExceededException',
      `A state machine can have no more than ${VERSIONS_MAX} versions.`,
    )
  const number = versions.lastNumber + 1
  const content = { definitionText, definition, roleArn, logging, tracing, revisionId }
  const version = { ...content, number, description: made.description, createdAtMs: made.nowMs }
  return { versions: { published: [...versions.published, version], lastNumber: number }, version }
}

export function versionOperations(machines: StateMachines) {
  return {
    PublishStateMachineVersion: (input: PublishStateMachineVersionInput): PublishStateMachineVersionOutput => {
      const { revisionId, description } = input
      const machine = machines.find(checkArn(input.stateMachineArn, 'stateMachine'))
      if (revisionId !== undefined && revisionId !== machine.revisionId)
        throw new AwsError(
          'ConflictException',
          `The revision ID is not the current one of the state machine: '${machine.revisionId}'`,
        )
      const version = machines.publish(machine, description)
      return {
        creationDate: new Date(version.createdAtMs),
        stateMachineVersionArn: versionArn(machine.arn, version.number),
      }
    },
    /** The latest first. */
    ListStateMachineVersions: (input: ListStateMachineVersionsInput): ListStateMachineVersionsOutput => {
      const { arn, versions } = machines.find(checkArn(input.stateMachineArn, 'stateMachine'))
      const { items, nextToken } = pageOf(versions.published.toReversed(), `versions ${arn}`, input)
      const stateMachineVersions = items.map(({ number, createdAtMs }) => ({
        stateMachineVersionArn: versionArn(arn, number),
        creationDate: new Date(createdAtMs),
      }))
      return { stateMachineVersions, nextToken }
    },
    /** One that is not there is deleted already; executions of it go on. */
    DeleteStateMachineVersion: (input: DeleteStateMachineVersionInput): object => {
      const { machineArn, qualifier } = splitQualifier(checkArn(input.stateMachineVersionArn, 'stateMachine'))
      if (qualifier === undefined || !/^\d+$/.test(qualifier))
        throw new AwsError('ValidationException', `Not the ARN of a version: '${input.stateMachineVersionArn ?? ''}'`)
      const machine = machines.machines.get(machineArn)
      if (machine) {
        const published = machine.versions.published.filter(({ number }) => String(number) !== qualifier)
        machine.versions = { ...machine.versions, published }
      }
      return {}
    },
  }
}
