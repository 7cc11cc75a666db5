import type { endProxies as contract } from '../contracts/copy-tasks.ts'
import type { Proxies } from '../copy-ports.ts'
import type { Ledger } from '../ports.ts'
import { RESOURCE_ROLES, TAGS } from '../tags.ts'
import type { TaskOf } from './task-of.ts'

export interface EndProxiesPorts {
  readonly proxies: Pick<Proxies, 'tagged' | 'ensureTerminated'>
  readonly ledger: Pick<Ledger, 'ofRun' | 'close'>
  readonly owner: string
}

/** Proxies end by themselves when they have reported; whichever has not is ended here. */
export const endProxies =
  (ports: EndProxiesPorts): TaskOf<typeof contract> =>
  async ({ run }) => ({ endedProxyCount: await endProxiesOf(ports, run) })

/** What all proxies of a run carry. */
export const tagsOfProxies = (owner: string, run: string) => ({
  [TAGS.owner]: owner,
  [TAGS.run]: run,
  [TAGS.role]: RESOURCE_ROLES.proxy,
})

/** By their tags, for a launch whose answer was lost is in no record. Returns how many were left. */
export async function endProxiesOf({ proxies, ledger, owner }: EndProxiesPorts, run: string): Promise<number> {
  const left = await proxies.tagged(tagsOfProxies(owner, run))
  for (const { instance } of left) await proxies.ensureTerminated(instance)
  for (const entry of await ledger.ofRun(run)) await ledger.close(entry)
  return left.length
}
