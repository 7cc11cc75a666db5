import type { MapState } from '../definition.ts'
import { Cancelled, payloadText } from '../failure.ts'
import { together } from '../thread.ts'
import type { Thread } from '../thread.ts'
import type { RunBlock } from './block.ts'
import { itemsOfState, selectItems } from './map-items.ts'
import type { Outcome, Visit } from './visit.ts'

/** Iterations at once when MaxConcurrency leaves it open (AWS facts C.3). */
const CONCURRENCY = 40

/** The items run within the execution and its history; the result is the list of their outputs. */
export async function inlineMap(visit: Visit<MapState>, runBlock: RunBlock): Promise<Outcome> {
  const { state, thread } = visit
  const { originals, inputs } = await selectItems(visit, await itemsOfState(visit))
  const limit = (await visit.evaluateNumber(state.MaxConcurrency ?? 0, 'MaxConcurrency')) || CONCURRENCY
  visit.record({ type: 'MapStateStarted', mapStateStartedEventDetails: { length: inputs.length } })
  const iterate = async (index: number, signal: AbortSignal): Promise<unknown> => {
    const fork = thread.fork(signal, { Index: index, Value: originals[index] })
    return fork.run(() => iteration(visit, fork, index, () => runBlock(fork, state.ItemProcessor, inputs[index])))
  }
  try {
    const result = await together(thread, inputs.length, limit, iterate)
    payloadText(result, visit.name)
    visit.record({ type: 'MapStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    if (!(error instanceof Cancelled)) visit.record({ type: 'MapStateFailed' })
    throw error
  }
}

async function iteration(visit: Visit<MapState>, fork: Thread, index: number, work: () => Promise<unknown>) {
  const details = { name: visit.name, index }
  try {
    fork.record({ type: 'MapIterationStarted', mapIterationStartedEventDetails: details })
    const output = await work()
    fork.record({ type: 'MapIterationSucceeded', mapIterationSucceededEventDetails: details })
    return output
  } catch (error) {
    if (error instanceof Cancelled)
      fork.recordAborted({ type: 'MapIterationAborted', mapIterationAbortedEventDetails: details })
    else fork.record({ type: 'MapIterationFailed', mapIterationFailedEventDetails: details })
    throw error
  }
}
