import type { Clock } from '../clock.ts'
import type { Durable } from '../durability.ts'
import type { EmittedEvent, MayAssume, Permit, Service } from '../wire/service.ts'
import { statesAccess } from './access.ts'
import type { Acting, Engine, Ended, InvokeFunction, Objects, Step } from './engine.ts'
import { executionOperations } from './execution-operations.ts'
import type { ExecutionRecord } from './execution.ts'
import { Executions } from './executions.ts'
import { functionsOf } from './jsonata.ts'
import { MapRuns } from './map-runs.ts'
import type { MapRun } from './map-runs.ts'
import { seededRandom } from './random.ts'
import { tagOperations } from './machine-tags.ts'
import { NO_VERSIONS, versionOperations } from './machine-versions.ts'
import { refuse } from './refusals.ts'
import { StateMachines } from './state-machines.ts'
import type { StateMachine } from './state-machines.ts'
import { stateMachineOperations } from './state-machine-operations.ts'
import { taskOperations } from './task-operations.ts'
import { Tokens } from './tokens.ts'

export type { InvokeFunction } from './engine.ts'

export interface StatesOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly invokeFunction: InvokeFunction
  readonly objects: Objects
  /** Asked before anything is done as a machine's role; without it everything is allowed. */
  readonly permit?: Permit
  /** Asked about the role of a machine that is made or changed. */
  readonly mayAssume?: MayAssume
  /** Credentials of a machine's role, for tasks that call other services over the wire; without it they are not supported. */
  readonly actAs?: (roleArn: string, machineArn: string) => Acting
  /** Gets every `Step Functions Execution Status Change`. */
  readonly emit: (event: EmittedEvent) => void
}

export interface Result {
  readonly status: Ended
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
}

/** Step Functions, as far as standard state machines in JSONata use it (AWS facts C). */
export interface States {
  readonly service: Service
  /** What StartExecution does, with its errors; `input` is any JSON. Returns the execution's ARN. */
  start(stateMachineArn: string, input: unknown, name?: string): string
  /** Resolves when the execution has ended, however it did. Throws ExecutionDoesNotExist. */
  waitFor(executionArn: string): Promise<Result>
  /** Sees every state that is entered and left, retried and caught. */
  observe(observer: (step: Step) => void): void
  readonly durable: Durable
  /** Nothing goes on any more, nor ends: what is kept stays as it is. */
  stop(): void
}

/** What is kept over a restart. */
interface Kept {
  readonly machines: ReadonlyMap<string, Omit<StateMachine, 'tags' | 'versions'> & Partial<StateMachine>>
  readonly executions: readonly ExecutionRecord[]
  readonly mapRuns: ReadonlyMap<string, MapRun>
  readonly closedTokens: ReadonlySet<string>
  readonly seed: number
}

/** The machine of a Distributed Map's child is its parent's, with a label. */
const machineOf = (machineArn: string): string => machineArn.split('/')[0] ?? ''

export function createStates(options: StatesOptions): States {
  const { clock, accountId, region } = options
  const observers: ((step: Step) => void)[] = []
  let halted = false
  const random = seededRandom(1)
  const machines = new StateMachines({ clock, random, accountId, region, mayAssume: options.mayAssume })
  const engine: Engine = {
    clock,
    accountId,
    region,
    random,
    tokens: new Tokens(random),
    mapRuns: new MapRuns(),
    objects: options.objects,
    invokeFunction: options.invokeFunction,
    functions: functionsOf(clock, random),
    startExecution: ({ stateMachineArn, name, inputText }) => {
      return executions.start(machines.program(stateMachineArn), inputText, name)
    },
    checkMachine: (arn) => void machines.findQualified(arn),
    isDeleting: (arn) => machines.machines.get(arn)?.status === 'DELETING',
    startItem: (request) => executions.startItem(request),
    execution: (arn) => executions.find(arn),
    permit: ({ roleArn, machineArn }, action, resource) =>
      options.permit?.(roleArn, [{ action, resource, context: {} }], machineOf(machineArn)),
    actAs: ({ roleArn, machineArn }) =>
      options.actAs?.(roleArn, machineOf(machineArn)) ?? refuse('calling other services'),
    isHalted: () => halted,
    observe: (step) => {
      for (const observer of observers) observer(step)
    },
  }
  const executions = new Executions(engine, (event) => {
    if (!halted) options.emit(event)
  })
  return {
    service: serviceOf(engine, machines, executions),
    start: (stateMachineArn, input, name) => {
      const inputText = JSON.stringify(input ?? {})
      return engine.startExecution({ stateMachineArn, inputText, ...(name === undefined ? {} : { name }) }).arn
    },
    waitFor: async (executionArn) => {
      const execution = executions.find(executionArn)
      await execution.ended
      return resultOf(execution)
    },
    observe: (observer) => {
      observers.push(observer)
    },
    durable: durableOf(engine, machines, executions),
    stop: () => {
      halted = true
    },
  }
}

const serviceOf = (engine: Engine, machines: StateMachines, executions: Executions): Service => ({
  sdk: () => import('@aws-sdk/client-sfn'),
  clientName: 'SFNClient',
  signingName: 'states',
  access: statesAccess(engine, {
    machineOf: (token) => engine.tokens.machineOf(token),
    tagsOf: (arn) => machines.machines.get(arn)?.tags,
  }),
  operations: {
    ...stateMachineOperations(machines, executions),
    ...tagOperations(machines),
    ...versionOperations(machines),
    ...executionOperations(engine, executions),
    ...taskOperations(engine.tokens),
  },
})

function durableOf({ mapRuns, tokens, random }: Engine, { machines }: StateMachines, executions: Executions): Durable {
  return {
    name: 'states',
    save: () =>
      ({
        machines,
        executions: executions.records,
        mapRuns: mapRuns.all,
        closedTokens: tokens.closed,
        seed: random.seed,
      }) satisfies Kept,
    restore: (saved) => {
      const kept = saved as Kept
      // Machines of older data folders have neither.
      for (const [arn, machine] of kept.machines)
        machines.set(arn, { tags: new Map(), versions: NO_VERSIONS, ...machine })
      executions.restore(kept.executions)
      for (const [arn, run] of kept.mapRuns) mapRuns.all.set(arn, run)
      for (const token of kept.closedTokens) tokens.closed.add(token)
      random.reseed(kept.seed)
    },
    resume: () => executions.resume(),
  }
}

function resultOf({ status, outputText, error, cause }: ReturnType<Executions['find']>): Result {
  if (status === 'RUNNING') throw new Error('The execution has not ended.')
  return {
    status,
    ...(outputText === undefined ? {} : { output: JSON.parse(outputText) as unknown }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  }
}
