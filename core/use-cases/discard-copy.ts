import { copyInAnyState } from '../contracts/copy-records.ts'
import type { discardCopy as contract } from '../contracts/copy-tasks.ts'
import type { Copies } from '../copy-ports.ts'
import type { Clock } from '../ports.ts'
import { endProxiesOf, type EndProxiesPorts } from './end-proxies.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends EndProxiesPorts {
  readonly copies: Pick<Copies, 'copy' | 'advanceCopy'>
  readonly clock: Clock
}

/**
 * Leaves nothing of a copy that failed but its record. What is in the vault already stays: no role that writes there may
 * delete; the next try uses it, or it expires.
 */
export const discardCopy =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, point, vault, error, cause }) => {
    const endedProxyCount = await endProxiesOf(ports, run)
    const copy = machine && point && vault ? await ports.copies.copy(machine, { point, vault }) : undefined
    if (copy?.state === 'copying' && copy.run === run)
      await ports.copies.advanceCopy(['copying'], {
        ...copyInAnyState.parse(copy),
        state: 'failed',
        failedAt: ports.clock.now(),
        failure: { error, cause },
      })
    return { endedProxyCount }
  }
