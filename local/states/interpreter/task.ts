import type { TaskState } from '../definition.ts'
import { payloadText, StateFailure } from '../failure.ts'
import { WHOLE } from '../history.ts'
import { startDeadline } from './deadline.ts'
import type { Integration } from './integration.ts'
import { INTEGRATIONS } from './resources.ts'
import type { Outcome, Visit } from './visit.ts'

/** Calls the service once; retries and catches are the business of the state. */
export async function task(visit: Visit<TaskState>): Promise<Outcome> {
  const { state, thread } = visit
  const integration = INTEGRATIONS[state.Resource]
  if (!integration) throw new StateFailure('States.Runtime', `The resource ${state.Resource} is not supported.`)
  const callback = integration.resource.endsWith('.waitForTaskToken') ? thread.engine.tokens.issue() : undefined
  try {
    const result = await call(visit, integration, callback)
    return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
  } finally {
    callback?.close()
  }
}

async function call(
  visit: Visit<TaskState>,
  integration: Integration,
  callback: Parameters<Integration['run']>[0]['callback'],
): Promise<unknown> {
  const { engine } = visit.thread
  const { resourceType, resource } = integration
  const names = { resourceType, resource }
  const args = await visit.evaluate(visit.state.Arguments ?? {}, 'Arguments', { token: callback?.token })
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw visit.unexpected(visit.state.Arguments, 'Arguments', 'object', args)
  const limits = await limitsOf(visit)
  visit.record({
    type: 'TaskScheduled',
    taskScheduledEventDetails: {
      ...names,
      region: engine.region,
      parameters: payloadText(args, resourceType),
      ...(limits.timeoutSeconds === undefined ? {} : { timeoutInSeconds: limits.timeoutSeconds }),
      ...(limits.heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: limits.heartbeatSeconds }),
    },
  })
  visit.record({ type: 'TaskStarted', taskStartedEventDetails: names })

  const deadline = startDeadline(engine.clock, limits)
  callback?.onHeartbeat(() => deadline.heartbeat())
  let open = true
  const submitted = (output: unknown): void => {
    if (!open || visit.thread.signal.aborted) return
    const details = { ...names, output: payloadText(output, resourceType), outputDetails: WHOLE }
    visit.record({ type: 'TaskSubmitted', taskSubmittedEventDetails: details })
  }
  try {
    const work = integration.run({ visit, args: { ...args }, callback, submitted, isOpen: () => open })
    const result = await visit.thread.waiting(Promise.race([work, deadline.passed]))
    const details = { ...names, output: payloadText(result, resourceType), outputDetails: WHOLE }
    visit.record({ type: 'TaskSucceeded', taskSucceededEventDetails: details })
    return result
  } catch (error) {
    if (error instanceof StateFailure) recordFailure(visit, names, error)
    throw error
  } finally {
    open = false
    deadline.cancel()
  }
}

async function limitsOf(visit: Visit<TaskState>) {
  const { TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat } = visit.state
  return {
    timeoutSeconds: timeout === undefined ? undefined : await visit.evaluateNumber(timeout, 'TimeoutSeconds'),
    heartbeatSeconds: heartbeat === undefined ? undefined : await visit.evaluateNumber(heartbeat, 'HeartbeatSeconds'),
  }
}

function recordFailure(
  visit: Visit<TaskState>,
  names: { readonly resourceType: string; readonly resource: string },
  { error, reason }: StateFailure,
): void {
  const details = { ...names, error, ...(reason === undefined ? {} : { cause: reason }) }
  if (error === 'States.Timeout' || error === 'States.HeartbeatTimeout')
    visit.record({ type: 'TaskTimedOut', taskTimedOutEventDetails: details })
  else visit.record({ type: 'TaskFailed', taskFailedEventDetails: details })
}
