import type { discardRecovery as contract } from '../contracts/recovery-tasks.ts'
import type { Catalog } from '../ports.ts'
import { discard, type DiscardPorts } from './discard-point.ts'
import { endProxiesOf, type EndProxiesPorts } from './end-proxies.ts'
import { requireRecovery } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends EndProxiesPorts, DiscardPorts {
  readonly catalog: Pick<Catalog, 'point' | 'advancePoint'>
}

/** Leaves nothing of a recovery that failed but its record: proxies first, for they write to the snapshots. */
export const discardRecovery =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ error, cause, ...subject }) => {
    const endedProxyCount = await endProxiesOf(ports, subject.run)
    const point = await requireRecovery(ports.catalog, subject)
    return { endedProxyCount, deletedSnapshotCount: await discard(ports, point, { error, cause }) }
  }
