import type { DeployedVault } from './contracts/policies.ts'
import type { Keeps } from './copy-retention.ts'

/** What the expiry of copies needs of the world: the obligations of core/ports.ts hold. */

export interface ExpiringVaults {
  /** undefined: it is the deployment's own, and nothing has been copied yet. Throws VaultNotFound, VaultKeyWrong, VaultDamaged, AccessDenied. */
  open(place: DeployedVault): Promise<ExpiringVault | undefined>
}

export interface ExpiringVault {
  /**
   * Deletes the points that are not kept, then what only they needed (docs/vault-format.md, section 8). May be killed at any moment,
   * and run again, and beside others.
   * @param onRemoved is told of every point that was in the vault, once those that were due are gone
   */
  expire(keeps: Keeps, onRemoved: (points: readonly JudgedPoint[]) => Promise<void>): Promise<Expired>
  /** Whether the manifest of that key is in the vault. */
  holds(manifest: string): Promise<boolean>
}

export interface JudgedPoint {
  /** Key of its manifest. */
  readonly manifest: string
  readonly isGone: boolean
  readonly reason: string
}

export interface Expired {
  readonly pointCount: number
  /** Of disks. */
  readonly copyCount: number
  readonly removedObjectCount: number
  readonly removedBytes: number
  readonly announcedCount: number
  readonly lockedCount: number
  /** What cannot be read although a copy needs it, in words that name it. */
  readonly damages: readonly string[]
}
