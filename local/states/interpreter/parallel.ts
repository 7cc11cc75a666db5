import type { ParallelState } from '../definition.ts'
import { Cancelled, payloadText } from '../failure.ts'
import { startOf } from '../position.ts'
import type { ForkStep } from '../position.ts'
import { together } from '../thread.ts'
import type { RunBlock } from './block.ts'
import type { Outcome, Visit } from './visit.ts'

/** The branches run side by side; the result is the list of their outputs. */
export async function parallel(visit: Visit<ParallelState>, runBlock: RunBlock): Promise<Outcome> {
  const { state, thread } = visit
  const { branches, limit } = visit.step('fork') ?? (await begin(visit))
  try {
    const result = await together(thread, branches, limit, async (fork, index) => {
      const branch = state.Branches[index]
      if (branch) await runBlock(fork, branch)
    })
    payloadText(result, visit.name)
    visit.record({ type: 'ParallelStateSucceeded' })
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } catch (error) {
    if (!(error instanceof Cancelled)) visit.record({ type: 'ParallelStateFailed' })
    throw error
  }
}

async function begin(visit: Visit<ParallelState>): Promise<ForkStep> {
  const { state, input } = visit
  const eventId = visit.record({ type: 'ParallelStateStarted' })
  const branchInput = state.Arguments === undefined ? input : await visit.evaluate(state.Arguments, 'Arguments')
  const branches = state.Branches.map(({ StartAt }) => startOf(StartAt, branchInput, eventId, undefined))
  return visit.begin({ kind: 'fork', branches, limit: branches.length })
}
