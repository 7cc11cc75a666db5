import type { Cancel, Clock } from '../../clock.ts'
import { StateFailure } from '../failure.ts'

/** The time limits of one try of a task. */
export interface Deadline {
  /** Rejects with States.Timeout or States.HeartbeatTimeout. */
  readonly passed: Promise<never>
  heartbeat(): void
  cancel(): void
}

export function startDeadline(
  clock: Clock,
  limits: { readonly timeoutSeconds: number | undefined; readonly heartbeatSeconds: number | undefined },
): Deadline {
  const { promise: passed, reject } = Promise.withResolvers<never>()
  passed.catch(() => {})
  const after = (seconds: number | undefined, error: string): Cancel =>
    seconds === undefined ? () => {} : clock.after(seconds * 1000, () => reject(new StateFailure(error)))
  const cancelTimeout = after(limits.timeoutSeconds, 'States.Timeout')
  let cancelHeartbeat = after(limits.heartbeatSeconds, 'States.HeartbeatTimeout')
  return {
    passed,
    heartbeat: () => {
      cancelHeartbeat()
      cancelHeartbeat = after(limits.heartbeatSeconds, 'States.HeartbeatTimeout')
    },
    cancel: () => {
      cancelTimeout()
      cancelHeartbeat()
    },
  }
}
