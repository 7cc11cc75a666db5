import type { Clock } from '../../clock.ts'
import { StateFailure } from '../failure.ts'
import type { TaskStep } from '../position.ts'

/** The time limits of one try of a task. */
export interface Deadline {
  /** Rejects with States.Timeout or States.HeartbeatTimeout. */
  readonly passed: Promise<never>
  heartbeat(): void
  cancel(): void
}

/** Counts down to the times that the step names, and moves that of the heartbeat. */
export function startDeadline(clock: Clock, step: TaskStep): Deadline {
  const { promise: passed, reject } = Promise.withResolvers<never>()
  passed.catch(() => {})
  const at = (atMs: number | undefined, error: string) =>
    atMs === undefined ? () => {} : clock.after(atMs - clock.now(), () => reject(new StateFailure(error)))
  const cancelTimeout = at(step.timeoutAtMs, 'States.Timeout')
  let cancelHeartbeat = at(step.heartbeatAtMs, 'States.HeartbeatTimeout')
  return {
    passed,
    heartbeat: () => {
      if (step.heartbeatSeconds === undefined) return
      cancelHeartbeat()
      step.heartbeatAtMs = clock.now() + step.heartbeatSeconds * 1000
      cancelHeartbeat = at(step.heartbeatAtMs, 'States.HeartbeatTimeout')
    },
    cancel: () => {
      cancelTimeout()
      cancelHeartbeat()
    },
  }
}
