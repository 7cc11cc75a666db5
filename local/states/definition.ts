/**
 * The Amazon States Language as far as it is interpreted: the JSONata dialect (AWS facts C.2). A definition gets these
 * types by passing `parseDefinition`.
 */

/** JSON in which every string wholly inside `{% … %}` is a JSONata expression. */
export type Template = unknown

export interface Retrier {
  readonly ErrorEquals: readonly string[]
  readonly IntervalSeconds?: number
  readonly BackoffRate?: number
  readonly MaxDelaySeconds?: number
  readonly MaxAttempts?: number
  readonly JitterStrategy?: 'FULL' | 'NONE'
}

export interface Catcher {
  readonly ErrorEquals: readonly string[]
  readonly Next: string
  readonly Assign?: Template
  readonly Output?: Template
}

interface Common {
  readonly Comment?: string
  readonly QueryLanguage?: 'JSONata'
  readonly Assign?: Template
  readonly Output?: Template
}

interface Continuing extends Common {
  readonly Next?: string
  readonly End?: boolean
}

interface Catching extends Continuing {
  readonly Retry?: readonly Retrier[]
  readonly Catch?: readonly Catcher[]
}

export interface PassState extends Continuing {
  readonly Type: 'Pass'
}

export interface WaitState extends Continuing {
  readonly Type: 'Wait'
  readonly Seconds?: number | string
  readonly Timestamp?: string
}

export interface SucceedState extends Common {
  readonly Type: 'Succeed'
}

export interface FailState {
  readonly Type: 'Fail'
  readonly Comment?: string
  readonly QueryLanguage?: 'JSONata'
  readonly Error?: string
  readonly Cause?: string
}

export interface ChoiceRule {
  readonly Comment?: string
  readonly Condition: string | boolean
  readonly Next: string
  readonly Assign?: Template
  readonly Output?: Template
}

export interface ChoiceState extends Common {
  readonly Type: 'Choice'
  readonly Choices: readonly ChoiceRule[]
  readonly Default?: string
}

export interface TaskState extends Catching {
  readonly Type: 'Task'
  readonly Resource: string
  readonly Arguments?: Template
  readonly TimeoutSeconds?: number | string
  readonly HeartbeatSeconds?: number | string
}

export interface ParallelState extends Catching {
  readonly Type: 'Parallel'
  readonly Arguments?: Template
  readonly Branches: readonly Block[]
}

export interface ItemProcessor extends Block {
  readonly ProcessorConfig?: { readonly Mode?: 'INLINE' | 'DISTRIBUTED'; readonly ExecutionType?: 'STANDARD' }
}

export interface ItemReader {
  readonly Resource: string
  readonly Arguments: Template
  readonly ReaderConfig: { readonly InputType: 'JSON'; readonly MaxItems?: number | string }
}

export interface ResultWriter {
  readonly Resource: string
  readonly Arguments: Template
}

export interface MapState extends Catching {
  readonly Type: 'Map'
  readonly Items?: Template
  readonly ItemReader?: ItemReader
  readonly ItemSelector?: Template
  readonly ItemProcessor: ItemProcessor
  readonly MaxConcurrency?: number | string
  readonly ToleratedFailurePercentage?: number | string
  readonly ToleratedFailureCount?: number | string
  readonly Label?: string
  readonly ResultWriter?: ResultWriter
}

export type State =
  | PassState
  | WaitState
  | SucceedState
  | FailState
  | ChoiceState
  | TaskState
  | ParallelState
  | MapState

/** States that lead to each other: a machine, a branch, or what a Map does to each item. */
export interface Block {
  readonly Comment?: string
  readonly StartAt: string
  readonly States: Readonly<Record<string, State>>
}

export interface Definition extends Block {
  readonly QueryLanguage: 'JSONata'
  readonly TimeoutSeconds?: number
}

export const isDistributed = (map: MapState): boolean => map.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED'

/** The name of a Distributed Map within the ARNs of its runs and children. */
export const labelOf = (name: string, map: MapState): string => map.Label ?? name.replaceAll(/[^\w-]/g, '').slice(0, 40)
