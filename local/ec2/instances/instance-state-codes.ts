/** The numbers of the states (AWS facts A.17). */
import type { InstanceStateName } from '@aws-sdk/client-ec2'

export const STATE_CODES: Readonly<Record<InstanceStateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}
