import { AwsError } from '../wire/service.ts'
import type { EmittedEvent } from '../wire/service.ts'
import { checkName, statesArn } from './arns.ts'
import { redriveOf } from './descriptions.ts'
import type { Child, Engine, ItemRequest } from './engine.ts'
import { Execution, newRecord } from './execution.ts'
import type { ExecutionRecord, Program } from './execution.ts'
import { PAYLOAD_LIMIT_BYTES } from './failure.ts'
import { runBlock } from './interpreter/block.ts'

/** How long closed executions are kept. */
const KEPT_MS = 90 * 24 * 60 * 60_000

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
    return [...this.#executions.values()].filter((execution) => !this.#isForgotten(execution))
  }

  /** All of it, as plain data. */
  get records(): ExecutionRecord[] {
    return this.all.map(({ record }) => record)
  }

  /** Takes over what an earlier process had; nothing of it runs before `resume`. */
  restore(records: readonly ExecutionRecord[]): void {
    for (const record of records) this.#add(record)
  }

  resume(): void {
    for (const execution of this.#executions.values()) execution.resume()
  }

  /** Throws ExecutionDoesNotExist. */
  find(arn: string): Execution {
    const execution = this.#executions.get(arn)
    if (!execution || this.#isForgotten(execution))
      throw new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`)
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
    if (known && !this.#isForgotten(known)) {
      if (known.status === 'RUNNING' && known.inputText === inputText) return known
      throw new AwsError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`)
    }
    return this.#begin({ program, arn, name, inputText, mapRunArn: undefined })
  }

  startItem({ parent, label, block, inputText, mapRunArn }: ItemRequest): Child {
    const { program } = this.find(parent.arn).record
    const name = this.#engine.random.uuid()
    const machineName = `${program.machineName}/${label}`
    return this.#begin({
      program: {
        machineArn: statesArn(this.#engine, 'stateMachine', machineName),
        machineName,
        roleArn: program.roleArn,
        definition: block,
        ownerArn: program.ownerArn,
      },
      arn: statesArn(this.#engine, 'execution', `${machineName}:${name}`),
      name,
      inputText,
      mapRunArn,
    })
  }

  /** What has ended is shown for 90 days; then its name is free again (AWS facts C.1, C.6). */
  #isForgotten({ endedAtMs }: Execution): boolean {
    return endedAtMs !== undefined && this.#engine.clock.now() - endedAtMs > KEPT_MS
  }

  #begin(options: Omit<Parameters<typeof newRecord>[0], 'startedAtMs'>): Execution {
    const execution = this.#add(newRecord({ ...options, startedAtMs: this.#engine.clock.now() }))
    execution.begin()
    return execution
  }

  #add(record: ExecutionRecord): Execution {
    const onStatus = (changed: Execution): void => this.#emit(statusChange(changed))
    const execution = new Execution(record, { engine: this.#engine, runBlock, onStatus })
    this.#executions.set(execution.arn, execution)
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
      stateMachineVersionArn: execution.record.program.versionArn ?? null,
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
      redriveCount: execution.redriveCount,
      redriveDate: execution.redrivenAtMs ?? null,
      redriveStatus: RedriveStatus,
      redriveStatusReason: RedriveStatusReason ?? null,
    },
  }
}
