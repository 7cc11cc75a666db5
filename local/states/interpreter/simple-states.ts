import type { ChoiceState, FailState, PassState, SucceedState, WaitState } from '../definition.ts'
import { StateFailure } from '../failure.ts'
import type { Outcome, Visit } from './visit.ts'

export async function pass({ state, input }: Visit<PassState>): Promise<Outcome> {
  return { next: state.Next, assign: state.Assign, output: state.Output, result: input }
}

export async function succeed({ state, input }: Visit<SucceedState>): Promise<Outcome> {
  return { next: undefined, assign: state.Assign, output: state.Output, result: input }
}

/** Never returns. */
export async function fail(visit: Visit<FailState>): Promise<Outcome> {
  const { Error: error, Cause: cause } = visit.state
  throw new StateFailure(
    error === undefined ? '' : await visit.evaluateText(error, 'Error'),
    cause === undefined ? undefined : await visit.evaluateText(cause, 'Cause'),
  )
}

export async function choose(visit: Visit<ChoiceState>): Promise<Outcome> {
  const { state, input } = visit
  for (const [index, rule] of state.Choices.entries()) {
    const location = `Choices[${index}]/`
    const holds = await visit.evaluate(rule.Condition, `${location}Condition`)
    if (typeof holds !== 'boolean') throw visit.unexpected(rule.Condition, `${location}Condition`, 'boolean', holds)
    if (holds) return { next: rule.Next, assign: rule.Assign, output: rule.Output, result: input, location }
  }
  if (state.Default !== undefined)
    return { next: state.Default, assign: state.Assign, output: state.Output, result: input }
  throw new StateFailure(
    'States.NoChoiceMatched',
    visit.described('Failed to transition out of the state. The state does not point to a next state.'),
  )
}

export async function wait(visit: Visit<WaitState>): Promise<Outcome> {
  const { state, input, thread } = visit
  const { untilMs } =
    visit.step('wait') ?? visit.begin({ kind: 'wait', untilMs: thread.engine.clock.now() + (await delayOf(visit)) })
  await thread.sleepUntil(untilMs)
  return { next: state.Next, assign: state.Assign, output: state.Output, result: input }
}

/** Milliseconds; a time that has passed is no delay. */
async function delayOf(visit: Visit<WaitState>): Promise<number> {
  const { Seconds: seconds, Timestamp: timestamp } = visit.state
  if (timestamp === undefined) return (await visit.evaluateNumber(seconds ?? 0, 'Seconds')) * 1000
  const text = await visit.evaluateText(timestamp, 'Timestamp')
  const atMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(atMs)) throw visit.unexpected(timestamp, 'Timestamp', 'timestamp', text)
  return Math.max(0, atMs - visit.thread.engine.clock.now())
}
