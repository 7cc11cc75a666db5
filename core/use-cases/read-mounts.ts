import type { readMounts as contract } from '../contracts/tasks.ts'
import { LSBLK_COMMAND } from '../lsblk.ts'
import type { Clock, Guests, Machines } from '../ports.ts'
import { startWait, type WaitPorts } from '../waits.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends WaitPorts {
  readonly machines: Pick<Machines, 'observe'>
  readonly guests: Guests
  readonly clock: Clock
}

const COMMAND_TIMEOUT_SECONDS = 30

/** Asks the guest for its mounts; a machine that does not answer to SSM is answered for at once. */
export const readMounts =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, token }) => {
    if (!(await ports.guests.isReachable(machine))) {
      await ports.executions.succeed(token, { command: null })
      return {}
    }
    const command = await ports.guests.run(machine, LSBLK_COMMAND, COMMAND_TIMEOUT_SECONDS)
    await startWait(ports, {
      kind: 'command-finished',
      token,
      machine,
      resources: [command],
      registeredAt: ports.clock.now(),
    })
    return {}
  }
