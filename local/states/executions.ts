import { AwsError } from '../wire/service.ts'
import type { EmittedEvent } from '../wire/service.ts'
import { checkName, statesArn } from './arns.ts'
import { redriveOf } from './descriptions.ts'
import type { Child, Engine, ItemRequest } from './engine.ts'
import { Execution } from './execution.ts'
import type { Program } from './execution.ts'
import { PAYLOAD_LIMIT_BYTES } from './failure.ts'
import { runBlock } from './interpreter/block.ts'

/** All executions of the account, the children of Distributed Maps among them. */
export class Executions {
  readonly #executions = new Map<string, Execution>()
  readonly #engine: Engine
  readonly #emit: (event: EmittedEvent) => void

  constructor(engine: Engine, emit: (event: EmittedEvent) => void) {
    this.#engine = engine
    this.#emit = emit
  }

  get all(): Execution[] {
    return [...this.#executions.values()]
  }

  /** Throws ExecutionDoesNotExist. */
  find(arn: string): Execution {
    const execution = this.#executions.get(arn)
    if (!execution) throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`)
    return execution
  }

  /**
   * The same name with the same input gives the same execution while it runs (AWS facts C.6). Throws InvalidName,
   * InvalidExecutionInput, ValidationException or ExecutionAlreadyExists.
   */
  start(program: Program, inputText: string, name = this.#engine.random.uuid()): Execution {
    checkName(name)
    checkInput(inputText)
    const arn = statesArn(this.#engine, 'execution', `${program.machineName}:${name}`)
    const known = this.#executions.get(arn)
    if (known?.status === 'RUNNING' && known.inputText === inputText) return known
    if (known) throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`)
    return this.#begin({ program, arn, name, inputText })
  }

  startItem({ parent, label, block, inputText, mapRunArn }: ItemRequest): Child {
    const { program } = this.find(parent.arn)
    const name = this.#engine.random.uuid()
    const machineName = `${program.machineName}/${label}`
    return this.#begin({
      program: {
        machineArn: statesArn(this.#engine, 'stateMachine', machineName),
        machineName,
        roleArn: program.roleArn,
        definition: block,
        isDeleting: () => program.isDeleting(),
      },
      arn: statesArn(this.#engine, 'execution', `${machineName}:${name}`),
      name,
      inputText,
      mapRunArn,
    })
  }

  #begin(options: Omit<ConstructorParameters<typeof Execution>[0], 'engine' | 'onStatus'>): Execution {
    const onStatus = (changed: Execution): void => this.#emit(statusChange(changed))
    const execution = new Execution({ ...options, engine: this.#engine, onStatus })
    this.#executions.set(execution.arn, execution)
    execution.begin(runBlock)
    return execution
  }
}

function checkInput(text: string): void {
  if (Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES)
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to ${PAYLOAD_LIMIT_BYTES}`,
    )
  try {
    JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new AwsError('InvalidExecutionInput', `Invalid State Machine Execution Input: '${reason}'`)
  }
}

/** Step Functions Execution Status Change (AWS facts D.3). */
function statusChange(execution: Execution): EmittedEvent {
  const { RedriveStatus, RedriveStatusReason } = redriveOf(execution, execution.mapRunArn !== undefined)
  return {
    source: 'aws.states',
    'detail-type': 'Step Functions Execution Status Change',
    resources: [execution.arn],
    detail: {
      executionArn: execution.arn,
      stateMachineArn: execution.machineArn,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      name: execution.name,
      status: execution.status,
      startDate: execution.startedAtMs,
      stopDate: execution.endedAtMs ?? null,
      input: execution.inputText,
      inputDetails: { included: true },
      output: execution.outputText ?? null,
      outputDetails: execution.outputText === undefined ? null : { included: true },
      error: execution.error ?? null,
      cause: execution.cause ?? null,
      redriveCount: 0,
      redriveDate: null,
      redriveStatus: RedriveStatus,
      redriveStatusReason: RedriveStatusReason ?? null,
    },
  }
}
