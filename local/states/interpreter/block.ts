import type { Block, State } from '../definition.ts'
import { Cancelled, StateFailure } from '../failure.ts'
import { matches, retryDelayMs } from '../retry.ts'
import type { Thread } from '../thread.ts'
import { distributedMap } from './distributed-map.ts'
import { inlineMap } from './inline-map.ts'
import { parallel } from './parallel.ts'
import { choose, fail, pass, succeed, wait } from './simple-states.ts'
import { isDistributed } from '../definition.ts'
import { task } from './task.ts'
import { Visit } from './visit.ts'
import type { Outcome } from './visit.ts'

/** Runs states from where the thread stands to an end and gives the last output. Throws StateFailure or Cancelled. */
export type RunBlock = (thread: Thread, block: Block) => Promise<unknown>

export const runBlock: RunBlock = async (thread, block) => {
  const { position } = thread
  while (!position.end) {
    const state: State | undefined = block.States[position.state]
    if (!state) throw new StateFailure('States.Runtime', `There is no state '${position.state}'.`)
    await runState(thread, position.state, state)
  }
  return position.end.output
}

async function runState(thread: Thread, name: string, state: State): Promise<void> {
  const visit = new Visit(thread, name, state)
  try {
    for (;;) {
      if (visit.stay.retryAtMs !== undefined) await thread.sleepUntil(visit.stay.retryAtMs)
      visit.stay.retryAtMs = undefined
      if (await attempt(visit)) return
    }
  } catch (error) {
    if (error instanceof Cancelled && (state.Type === 'Task' || state.Type === 'Wait' || state.Type === 'Map'))
      thread.recordAborted({ type: `${state.Type}StateAborted` })
    if (error instanceof Cancelled && state.Type === 'Parallel') thread.recordAborted({ type: 'ParallelStateAborted' })
    throw error
  }
}

/** One try; false when there is to be another one. */
async function attempt(visit: Visit): Promise<boolean> {
  const { state, stay, thread } = visit
  try {
    await visit.leave(await perform(visit))
  } catch (error) {
    const failure = visit.located(asFailure(error))
    const retriers = 'Retry' in state ? (state.Retry ?? []) : []
    const delayMs = retryDelayMs(retriers, stay, failure.error, thread.engine.random)
    if (delayMs === undefined) {
      await handle(visit, failure)
      return true
    }
    stay.step = undefined
    stay.retryAtMs = thread.engine.clock.now() + delayMs
    visit.observe('retried', failure.error)
    return false
  }
  return true
}

/** Goes where a Catch says, or throws the failure on. */
async function handle(visit: Visit, failure: StateFailure): Promise<void> {
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
    await visit.leave(outcome)
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
