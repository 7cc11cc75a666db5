/** Vaults in buckets, for the expiry of copies (core/expiry-ports.ts). */
import type { ExpiringVaults } from '../core/expiry-ports.ts'
import { vaultIfThere } from './copy-vaults.ts'
import { expireVault } from './expiry/expire-vault.ts'
import { keepByPolicies } from './expiry/policy-retention.ts'

/**
 * Longer than a copy takes: a run of copy-point has two days (`TimeoutSeconds`), and is not to lose what it has written. So long is a copy
 * that is in no point left alone, too.
 */
export const POLICY_GRACE_MS = 72 * 3_600_000

export const expiringVaults: ExpiringVaults = {
  async open(place) {
    const vault = await vaultIfThere(place)
    return (
      vault && {
        async expire(keeps, onRemoved) {
          const {
            points,
            copies,
            removedCount,
            repackedCount: _,
            ...done
          } = await expireVault({
            vault,
            retention: keepByPolicies(keeps),
            graceMs: POLICY_GRACE_MS,
            onRemoved: (verdicts) =>
              onRemoved(verdicts.points.map(({ name, isDue, reason }) => ({ manifest: name, isGone: isDue, reason }))),
          })
          const goneOf = (verdicts: typeof points): number => verdicts.filter(({ isDue }) => isDue).length
          return { pointCount: goneOf(points), copyCount: goneOf(copies), removedObjectCount: removedCount, ...done }
        },
        holds: async (manifest) => (await vault.store.get(manifest)) !== undefined,
      }
    )
  },
}
