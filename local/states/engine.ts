import type { Clock } from '../clock.ts'
import type { CallPlace, SdkCall } from '../sdk-calls.ts'
import type { Block } from './definition.ts'
import type { Bindings } from './jsonata.ts'
import type { MapRuns } from './map-runs.ts'
import type { Random } from './random.ts'
import type { ExecutionView } from './thread.ts'
import type { Tokens } from './tokens.ts'

/** What a Lambda answered; not `ok`: it answered with a function error. */
export interface InvocationResult {
  readonly ok: boolean
  readonly payload: unknown
}

export type InvocationAnswer = InvocationResult & {
  readonly errorType?: string
  readonly errorMessage?: string
  readonly trace?: string[]
}

/**
 * How a Task's Lambda is called. `roleArn` is the state machine's role. Throws AwsError when the call itself fails: its
 * code `TooManyRequestsException` becomes the error `Lambda.TooManyRequestsException`, and `SdkClientException` stands for
 * an answer that was lost.
 */
export type InvokeFunction = (functionArn: string, payload: unknown, roleArn: string) => Promise<InvocationAnswer>

/** S3 as a Distributed Map sees it. `read` gives undefined when there is no such bucket or object. */
export interface Objects {
  read(bucket: string, key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>
  write(bucket: string, key: string, body: Uint8Array): void | Promise<void>
}

/** One step of an execution, as it is told to observers. */
export interface Step {
  readonly executionArn: string
  readonly stateMachineName: string
  readonly state: string
  readonly event: 'entered' | 'exited' | 'retried' | 'caught'
  readonly error?: string
  /** Of the virtual clock. */
  readonly atMs: number
}

export type Ended = 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED'
export type Status = 'RUNNING' | Ended

/** An execution as the parent that started it sees it. */
export interface Child {
  readonly arn: string
  readonly name: string
  readonly machineArn: string
  readonly status: Status
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
  readonly inputText: string
  readonly outputText: string | undefined
  readonly error: string | undefined
  readonly cause: string | undefined
  readonly redriveCount: number
  readonly isRedrivable: boolean
  /** Of this run of it: a redrive makes a new one. */
  readonly ended: Promise<unknown>
  stop(error?: string, cause?: string): void
  redrive(): void
}

/** One item of a Distributed Map, which runs as an execution of its own. */
export interface ItemRequest {
  readonly parent: ExecutionView
  readonly label: string
  readonly block: Block
  readonly inputText: string
  readonly mapRunArn: string
}

export interface Acting {
  readonly place: CallPlace
  readonly credentials: SdkCall['credentials']
}

/** What interpreting a state needs of the account. */
export interface Engine {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly random: Random
  readonly tokens: Tokens
  readonly mapRuns: MapRuns
  readonly objects: Objects
  readonly invokeFunction: InvokeFunction
  /** JSONata functions that every expression sees. */
  readonly functions: Bindings
  /** As the API operation, which throws AwsError. */
  startExecution(request: { stateMachineArn: string; name?: string; inputText: string }): Child
  /** Throws StateMachineDoesNotExist. */
  checkMachine(arn: string): void
  isDeleting(machineArn: string): boolean
  startItem(request: ItemRequest): Child
  /** Throws ExecutionDoesNotExist. */
  execution(arn: string): Child
  /** Asks IAM for the machine's role. Throws AwsError as `Permit` does. */
  permit(execution: Pick<ExecutionView, 'roleArn' | 'machineArn'>, action: string, resource: string): void
  /** Where and with what an execution calls other services as its machine's role. Throws AwsError when the role's trust forbids it. */
  actAs(execution: Pick<ExecutionView, 'roleArn' | 'machineArn'>): Acting
  /** The account is being closed: nothing goes on, so that what is kept stays as it is. */
  isHalted(): boolean
  observe(step: Step): void
}
