import type { MapState } from '../definition.ts'
import { Cancelled, payloadText } from '../failure.ts'
import { startOf } from '../position.ts'
import type { ForkStep } from '../position.ts'
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
  const { branches, limit } = visit.step('fork') ?? (await begin(visit))
  try {
    const result = await together(thread, branches, limit, (fork, index) =>
      iteration(visit, fork, index, () => runBlock(fork, state.ItemProcessor)),
    )
    payloadText(result, visit.name)
    visit.record({ type: 'MapStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    if (!(error instanceof Cancelled)) visit.record({ type: 'MapStateFailed' })
    throw error
  }
}

async function begin(visit: Visit<MapState>): Promise<ForkStep> {
  const { state } = visit
  const { originals, inputs } = await selectItems(visit, await itemsOfState(visit))
  const limit = (await visit.evaluateNumber(state.MaxConcurrency ?? 0, 'MaxConcurrency')) || CONCURRENCY
  const details = { length: inputs.length }
  const eventId = visit.record({ type: 'MapStateStarted', mapStateStartedEventDetails: details })
  const branches = inputs.map((input, Index) =>
    startOf(state.ItemProcessor.StartAt, input, eventId, { Index, Value: originals[Index] }),
  )
  return visit.begin({ kind: 'fork', branches, limit })
}

async function iteration(visit: Visit<MapState>, fork: Thread, index: number, work: () => Promise<unknown>) {
  const details = { name: visit.name, index }
  try {
    if (!fork.position.begun) fork.record({ type: 'MapIterationStarted', mapIterationStartedEventDetails: details })
    fork.position.begun = true
    await work()
    fork.record({ type: 'MapIterationSucceeded', mapIterationSucceededEventDetails: details })
  } catch (error) {
    if (error instanceof Cancelled)
      fork.recordAborted({ type: 'MapIterationAborted', mapIterationAbortedEventDetails: details })
    else fork.record({ type: 'MapIterationFailed', mapIterationFailedEventDetails: details })
    throw error
  }
}
