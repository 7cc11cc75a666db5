import * as z from 'zod'
import { contract } from './contract.ts'
import { runId, vaultName } from './identifiers.ts'
import { catalog, copyRules, vaults } from './task-environment.ts'

/** Contracts of expire-copies' Task states (see tasks.ts). */

const count = z.int().nonnegative()

/** `{}` is every vault of which a policy lets copies go. */
export const expireInput = z.strictObject({ vault: vaultName.optional() })

export const planExpiry = contract({
  name: 'PlanExpiry',
  /** `request` as in DiscoverMachines. */
  input: z.strictObject({ request: z.unknown(), run: runId }),
  /** As many as a policy file may name: their names are in the deployment's environment already. */
  output: z.strictObject({ vaults: z.array(vaultName) }),
  environment: copyRules,
})

export const expireVault = contract({
  name: 'ExpireVault',
  input: z.strictObject({ run: runId, vault: vaultName }),
  output: z.strictObject({
    vault: vaultName,
    /** Points that went from the vault. */
    expiredPointCount: count,
    /** Copies of disks that went, those of these points included. */
    expiredCopyCount: count,
    /** Copies of which the catalog tells no more; also what an earlier try, or somebody else, has deleted. */
    recordedCount: count,
    removedObjectCount: count,
    removedBytes: z.number().nonnegative(),
    /** Objects that go once the grace period is over. */
    announcedCount: count,
    /** Held by Object Lock. */
    lockedCount: count,
  }),
  environment: catalog.extend(vaults.shape).extend(copyRules.shape),
})
