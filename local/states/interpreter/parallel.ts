import type { ParallelState } from '../definition.ts'
import { Cancelled, payloadText } from '../failure.ts'
import { together } from '../thread.ts'
import type { RunBlock } from './block.ts'
import type { Outcome, Visit } from './visit.ts'

/** The branches run side by side; the result is the list of their outputs. */
export async function parallel(visit: Visit<ParallelState>, runBlock: RunBlock): Promise<Outcome> {
  const { state, input, thread } = visit
  visit.record({ type: 'ParallelStateStarted' })
  const branchInput = state.Arguments === undefined ? input : await visit.evaluate(state.Arguments, 'Arguments')
  try {
    const result = await together(thread, state.Branches.length, state.Branches.length, async (index, signal) => {
      const branch = state.Branches[index]
      if (!branch) return undefined
      const fork = thread.fork(signal)
      return fork.run(() => runBlock(fork, branch, branchInput))
    })
    payloadText(result, visit.name)
    visit.record({ type: 'ParallelStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    if (!(error instanceof Cancelled)) visit.record({ type: 'ParallelStateFailed' })
    throw error
  }
}
