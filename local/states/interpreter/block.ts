import type { Block, State } from '../definition.ts'
import { Cancelled, StateFailure } from '../failure.ts'
import { matches, Retries } from '../retry.ts'
import type { Thread } from '../thread.ts'
import { distributedMap } from './distributed-map.ts'
import { inlineMap } from './inline-map.ts'
import { parallel } from './parallel.ts'
import { choose, fail, pass, succeed, wait } from './simple-states.ts'
import { isDistributed } from '../definition.ts'
import { task } from './task.ts'
import { Visit } from './visit.ts'
import type { Outcome } from './visit.ts'

/** Runs states from StartAt to an end and gives the last output. Throws StateFailure or Cancelled. */
export type RunBlock = (thread: Thread, block: Block, input: unknown) => Promise<unknown>

export const runBlock: RunBlock = async (thread, block, input) => {
  let value = input
  let name: string | undefined = block.StartAt
  while (name !== undefined) {
    const state: State | undefined = block.States[name]
    if (!state) throw new StateFailure('States.Runtime', `There is no state '${name}'.`)
    const left: Left = await runState(thread, name, state, value)
    value = left.output
    name = left.next
  }
  return value
}

interface Left {
  readonly next: string | undefined
  readonly output: unknown
}

async function runState(thread: Thread, name: string, state: State, input: unknown): Promise<Left> {
  const retries = new Retries('Retry' in state ? (state.Retry ?? []) : [], thread.engine.random)
  const visit = new Visit(thread, name, state, input, retries)
  try {
    for (;;) {
      const left = await attempt(visit, retries)
      if (left) return left
    }
  } catch (error) {
    if (error instanceof Cancelled && (state.Type === 'Task' || state.Type === 'Wait' || state.Type === 'Map'))
      thread.recordAborted({ type: `${state.Type}StateAborted` })
    if (error instanceof Cancelled && state.Type === 'Parallel') thread.recordAborted({ type: 'ParallelStateAborted' })
    throw error
  }
}

/** One try; undefined when there is to be another one. */
async function attempt(visit: Visit, retries: Retries): Promise<Left | undefined> {
  try {
    return await leave(visit, await perform(visit))
  } catch (error) {
    const failure = visit.located(asFailure(error))
    const delayMs = retries.next(failure.error)
    if (delayMs !== undefined) {
      visit.observe('retried', failure.error)
      await visit.thread.sleep(delayMs)
      return undefined
    }
    return handle(visit, failure)
  }
}

async function leave(visit: Visit, outcome: Outcome): Promise<Left> {
  return { output: await visit.leave(outcome), next: outcome.next }
}

/** Goes where a Catch says, or throws the failure on. */
async function handle(visit: Visit, failure: StateFailure): Promise<Left> {
  const catchers = 'Catch' in visit.state ? (visit.state.Catch ?? []) : []
  const index = catchers.findIndex((catcher) => matches(catcher, failure.error))
  const catcher = catchers[index]
  if (!catcher) throw failure
  visit.observe('caught', failure.error)
  const errorOutput = {
    Error: failure.error,
    ...(failure.reason === undefined ? {} : { Cause: failure.reason }),
  }
  const outcome: Outcome = {
    next: catcher.Next,
    assign: catcher.Assign,
    output: catcher.Output,
    result: errorOutput,
    extra: { errorOutput },
    location: `Catch[${index}]/`,
  }
  try {
    return await leave(visit, outcome)
  } catch (error) {
    throw visit.located(asFailure(error))
  }
}

/** Anything but a failure or a cancellation is a defect of this interpreter: the execution shows it as States.Runtime. */
function asFailure(error: unknown): StateFailure {
  if (error instanceof StateFailure) return error
  if (error instanceof Cancelled) throw error
  return new StateFailure('States.Runtime', error instanceof Error ? (error.stack ?? error.message) : String(error))
}

async function perform(visit: Visit): Promise<Outcome> {
  const { state } = visit
  switch (state.Type) {
    case 'Pass':
      return pass(visit as Visit<typeof state>)
    case 'Wait':
      return wait(visit as Visit<typeof state>)
    case 'Succeed':
      return succeed(visit as Visit<typeof state>)
    case 'Fail':
      return fail(visit as Visit<typeof state>)
    case 'Choice':
      return choose(visit as Visit<typeof state>)
    case 'Task':
      return task(visit as Visit<typeof state>)
    case 'Parallel':
      return parallel(visit as Visit<typeof state>, runBlock)
    case 'Map':
      return isDistributed(state)
        ? distributedMap(visit as Visit<typeof state>)
        : inlineMap(visit as Visit<typeof state>, runBlock)
    default:
      throw new StateFailure('States.Runtime', 'Unknown state type.')
  }
}
