import type { TaskState } from '../definition.ts'
import { payloadText, StateFailure } from '../failure.ts'
import { WHOLE } from '../history.ts'
import type { TaskStep } from '../position.ts'
import { startDeadline } from './deadline.ts'
import type { Integration } from './integration.ts'
import { integrationOf } from './resources.ts'
import type { Outcome, Visit } from './visit.ts'

/** Calls the service once; retries and catches are the business of the state. */
export async function task(visit: Visit<TaskState>): Promise<Outcome> {
  const { state } = visit
  const integration = integrationOf(state.Resource)
  if (!integration) throw new StateFailure('States.Runtime', `The resource ${state.Resource} is not supported.`)
  const step = visit.step('task') ?? (await schedule(visit, integration))
  const { outcome } = step
  if (outcome && !outcome.ok) throw new StateFailure(outcome.error, outcome.reason)
  const result = outcome ? outcome.result : await call(visit, integration, step)
  return { next: state.Next, assign: state.Assign, output: state.Output, result, extra: { result } }
}

async function schedule(visit: Visit<TaskState>, { resourceType, resource }: Integration): Promise<TaskStep> {
  const { engine } = visit.thread
  const token = resource.endsWith('.waitForTaskToken') ? engine.tokens.make() : undefined
  const args = await visit.evaluate(visit.state.Arguments ?? {}, 'Arguments', { token })
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw visit.unexpected(visit.state.Arguments, 'Arguments', 'object', args)
  const { timeoutSeconds, heartbeatSeconds } = await limitsOf(visit)
  visit.record({
    type: 'TaskScheduled',
    taskScheduledEventDetails: {
      resourceType,
      resource,
      region: engine.region,
      parameters: payloadText(args, resourceType),
      ...(timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds }),
      ...(heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: heartbeatSeconds }),
    },
  })
  visit.record({ type: 'TaskStarted', taskStartedEventDetails: { resourceType, resource } })
  const after = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : engine.clock.now() + seconds * 1000
  return visit.begin({
    kind: 'task',
    args: { ...args },
    token,
    timeoutAtMs: after(timeoutSeconds),
    heartbeatSeconds,
    heartbeatAtMs: after(heartbeatSeconds),
    childArn: undefined,
    submitted: false,
    outcome: undefined,
  })
}

async function call(visit: Visit<TaskState>, integration: Integration, step: TaskStep): Promise<unknown> {
  const { resourceType, resource } = integration
  const { engine, signal } = visit.thread
  const names = { resourceType, resource }
  const deadline = startDeadline(engine.clock, step)
  const callback =
    step.token === undefined ? undefined : engine.tokens.open(step.token, visit.thread.execution.machineArn)
  callback?.onHeartbeat(() => deadline.heartbeat())
  let open = true
  const submitted = (output: unknown): void => {
    if (!open || signal.aborted || step.submitted) return
    const details = { ...names, output: payloadText(output, resourceType), outputDetails: WHOLE }
    visit.record({ type: 'TaskSubmitted', taskSubmittedEventDetails: details })
    step.submitted = true
  }
  try {
    const work = integration.run({ visit, step, args: step.args, callback, submitted, isOpen: () => open })
    const result = await visit.thread.waiting(Promise.race([work, deadline.passed]))
    const details = { ...names, output: payloadText(result, resourceType), outputDetails: WHOLE }
    visit.record({ type: 'TaskSucceeded', taskSucceededEventDetails: details })
    step.outcome = { ok: true, result }
    return result
  } catch (error) {
    if (error instanceof StateFailure) {
      recordFailure(visit, names, error)
      step.outcome = { ok: false, error: error.error, reason: error.reason }
    }
    throw error
  } finally {
    open = false
    deadline.cancel()
    callback?.close()
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
