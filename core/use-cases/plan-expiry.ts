import { expireInput, type planExpiry as contract } from '../contracts/expiry-tasks.ts'
import type { DeployedCopies } from '../contracts/policies.ts'
import { expiringVaults } from '../copy-retention.ts'
import { TandemError } from '../errors.ts'
import { parseRequest } from '../parse-request.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly copyRules: DeployedCopies
}

/** Which vaults are to be expired: all of which a policy lets copies go, or the one that is asked for. */
export const planExpiry =
  ({ copyRules }: Ports): TaskOf<typeof contract> =>
  async ({ request }) => {
    const { vault } = parseRequest(expireInput, request, '{} or {"vault":"main"}')
    const vaults = expiringVaults(copyRules)
    if (vault === undefined) return { vaults }
    if (vaults.includes(vault)) return { vaults: [vault] }
    throw new TandemError(
      'InvalidInput',
      `No policy of this deployment says how long copies in vault ${vault} are kept: they stay. ` +
        `Give its copies a "keep" in the policy file, and deploy. Vaults that expire: ${vaults.join(', ') || 'none'}.`,
    )
  }
