import { isDeepStrictEqual } from 'node:util'
import type {
  CreateStateMachineInput,
  LoggingConfiguration,
  TracingConfiguration,
  UpdateStateMachineInput,
} from '@aws-sdk/client-sfn'
import type { Clock } from '../clock.ts'
import { AwsError, type MayAssume } from '../wire/service.ts'
import { checkName, statesArn } from './arns.ts'
import type { Place } from './arns.ts'
import type { Definition } from './definition.ts'
import type { Program } from './execution.ts'
import type { Random } from './random.ts'
import { mergeTags } from './machine-tags.ts'
import { NO_VERSIONS, publish, splitQualifier, versionArn } from './machine-versions.ts'
import type { MachineVersion, Versions } from './machine-versions.ts'
import { refuse } from './refusals.ts'
import { parseDefinition } from './validation.ts'

/** A state machine as it stands now; executions keep the definition that they started with. */
export interface StateMachine {
  readonly arn: string
  readonly name: string
  readonly createdAtMs: number
  status: 'ACTIVE' | 'DELETING'
  definitionText: string
  definition: Definition
  roleArn: string
  logging: LoggingConfiguration
  tracing: TracingConfiguration
  tags: ReadonlyMap<string, string>
  versions: Versions
  revisionId: string
  updatedAtMs: number
}

interface StateMachinesOptions extends Place {
  readonly clock: Clock
  readonly random: Random
  readonly mayAssume?: MayAssume | undefined
}

export class StateMachines {
  /** By ARN. Plain data. */
  readonly machines = new Map<string, StateMachine>()
  readonly #options: StateMachinesOptions

  constructor(options: StateMachinesOptions) {
    this.#options = options
  }

  get all(): StateMachine[] {
    return [...this.machines.values()]
  }

  /** Throws StateMachineDoesNotExist. */
  find(arn: string): StateMachine {
    const machine = this.machines.get(arn)
    if (!machine) throw new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`)
    return machine
  }

  /** A machine, and the version that a qualified ARN names. Throws StateMachineDoesNotExist. */
  findQualified(arn: string): { readonly machine: StateMachine; readonly version: MachineVersion | undefined } {
    const { machineArn, qualifier } = splitQualifier(arn)
    const machine = this.machines.get(machineArn)
    const version = machine?.versions.published.find(({ number }) => String(number) === qualifier)
    if (!machine || (qualifier !== undefined && !version)) return { machine: this.find(arn), version: undefined }
    return { machine, version }
  }

  /** What an execution of a machine, or of a version of it, runs. Throws StateMachineDoesNotExist, StateMachineDeleting. */
  program(arn: string): Program {
    const { machine, version } = this.findQualified(arn)
    checkActive(machine)
    const { roleArn, definition } = version ?? machine
    return {
      machineArn: machine.arn,
      machineName: machine.name,
      roleArn,
      definition,
      ownerArn: machine.arn,
      ...(version ? { versionArn: versionArn(machine.arn, version.number) } : {}),
    }
  }

  /** A version of the machine as it is now. Throws ServiceQuotaExceededException, StateMachineDeleting. */
  publish(machine: StateMachine, description: string | undefined): MachineVersion {
    checkActive(machine)
    const { versions, version } = publish(machine.versions, machine, { description, nowMs: this.#options.clock.now() })
    machine.versions = versions
    return version
  }

  /** The same request again gives the same machine, whatever role and tags it names; AWS compares no more. */
  create(input: CreateStateMachineInput): StateMachine {
    const name = checkName(input.name)
    const definitionText = input.definition ?? ''
    const definition = parseDefinition(definitionText)
    const roleArn = checkRole(input.roleArn)
    const logging = checkLogging(input.loggingConfiguration)
    const tracing = input.tracingConfiguration ?? { enabled: false }
    refuseUnsupported(input)
    const arn = statesArn(this.#options, 'stateMachine', name)
    const tags = mergeTags(new Map(), input.tags, arn)
    const known = this.machines.get(arn)
    if (known) return same(known, { definitionText, logging, tracing })
    this.#checkTrust(roleArn, arn)
    const machine: StateMachine = {
      arn,
      name,
      createdAtMs: this.#options.clock.now(),
      status: 'ACTIVE',
      definitionText,
      definition,
      roleArn,
      logging,
      tracing,
      tags,
      versions: NO_VERSIONS,
      revisionId: this.#options.random.uuid(),
      updatedAtMs: this.#options.clock.now(),
    }
    this.machines.set(arn, machine)
    return machine
  }

  update(arn: string, input: UpdateStateMachineInput): StateMachine {
    const machine = this.find(arn)
    checkActive(machine)
    const { definition, roleArn, loggingConfiguration, tracingConfiguration } = input
    if (definition === undefined && roleArn === undefined && !loggingConfiguration && !tracingConfiguration)
      throw new AwsError(
        'MissingRequiredParameter',
        'Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration or the EncryptionConfiguration must be specified',
      )
    refuseUnsupported(input)
    const parsed = definition === undefined ? machine.definition : parseDefinition(definition)
    const role = roleArn === undefined ? machine.roleArn : checkRole(roleArn)
    if (roleArn !== undefined) this.#checkTrust(role, arn)
    const logging = loggingConfiguration ? checkLogging(loggingConfiguration) : machine.logging
    return Object.assign(machine, {
      definition: parsed,
      definitionText: definition ?? machine.definitionText,
      roleArn: role,
      logging,
      tracing: tracingConfiguration ?? machine.tracing,
      revisionId: this.#options.random.uuid(),
      updatedAtMs: this.#options.clock.now(),
    })
  }

  /** The words are from memory. */
  #checkTrust(roleArn: string, arn: string): void {
    if (this.#options.mayAssume?.(roleArn, arn) ?? true) return
    throw new AwsError(
      'AccessDeniedException',
      'Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role.',
    )
  }

  /** Gone when its last execution has ended. One that does not exist is gone already. */
  delete(arn: string, executionsEnded: readonly Promise<unknown>[]): void {
    const machine = this.machines.get(arn)
    if (!machine || machine.status === 'DELETING') return
    machine.status = 'DELETING'
    const forget = (): void => {
      this.machines.delete(arn)
    }
    if (executionsEnded.length === 0) forget()
    else void Promise.all(executionsEnded).then(forget)
  }
}

/** Throws StateMachineDeleting. */
export function checkActive(machine: StateMachine): void {
  if (machine.status === 'DELETING')
    throw new AwsError('StateMachineDeleting', `State Machine Deleting: '${machine.arn}'`)
}

function same(
  known: StateMachine,
  { definitionText, logging, tracing }: Pick<StateMachine, 'definitionText' | 'logging' | 'tracing'>,
): StateMachine {
  checkActive(known)
  const equal =
    known.definitionText === definitionText &&
    isDeepStrictEqual(known.logging, logging) &&
    isDeepStrictEqual(known.tracing, tracing)
  if (!equal) throw new AwsError('StateMachineAlreadyExists', `State Machine Already Exists: '${known.arn}'`)
  return known
}

function checkRole(arn: string | undefined): string {
  if (!arn || !/^arn:aws[\w-]*:iam::\d{12}:role\/.+$/.test(arn))
    throw new AwsError('InvalidArn', `Invalid Arn: 'Invalid Role Arn: ${arn ?? ''}'`)
  return arn
}

const invalidLogging = (reason: string): AwsError =>
  new AwsError('InvalidLoggingConfiguration', `Invalid Logging Configuration: ${reason}`)

function checkLogging(logging: LoggingConfiguration = {}): LoggingConfiguration {
  const { level = 'OFF', includeExecutionData = false, destinations = [] } = logging
  const groups = destinations.map((destination) => destination.cloudWatchLogsLogGroup?.logGroupArn ?? '')
  if (level !== 'OFF' && groups.length !== 1) throw invalidLogging('Must specify exactly one Log Destination.')
  if (groups.some((arn) => !/^arn:aws[\w-]*:logs:[^:]+:\d{12}:log-group:[^:]+:\*$/.test(arn)))
    throw invalidLogging('Log Destination must be a log group ARN that ends with :*.')
  return { level, includeExecutionData, destinations }
}

function refuseUnsupported(input: CreateStateMachineInput | UpdateStateMachineInput): void {
  if (input.versionDescription !== undefined && !input.publish)
    throw new AwsError('ValidationException', 'Version description can only be set when publish is set to true.')
  if ('type' in input && input.type === 'EXPRESS') refuse('type EXPRESS')
  if (input.encryptionConfiguration && input.encryptionConfiguration.type !== 'AWS_OWNED_KEY')
    refuse('encryptionConfiguration with a customer managed key')
}
