import { copyInAnyState, type CopyIn, type CopyRecord } from '../contracts/copy-records.ts'
import type { expireVault as contract } from '../contracts/expiry-tasks.ts'
import type { DeployedCopies, DeployedVaults } from '../contracts/policies.ts'
import type { Copies } from '../copy-ports.ts'
import { keepsIn } from '../copy-retention.ts'
import { isTandemError, TandemError } from '../errors.ts'
import type { ExpiringVault, ExpiringVaults, JudgedPoint } from '../expiry-ports.ts'
import type { Catalog, Clock } from '../ports.ts'
import { placeOf, vaultUrl } from '../vault-places.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'machines'>
  readonly copies: Pick<Copies, 'copies' | 'advanceCopy'>
  readonly vaults: ExpiringVaults
  readonly places: DeployedVaults
  readonly copyRules: DeployedCopies
  readonly clock: Clock
}

const NOTHING = {
  expiredPointCount: 0,
  expiredCopyCount: 0,
  recordedCount: 0,
  removedObjectCount: 0,
  removedBytes: 0,
  announcedCount: 0,
  lockedCount: 0,
}

/**
 * Lets go what the policies do not keep of one vault: first in the vault, then in the catalog, which only tells of it. A try that is killed
 * between the two is made good by the next: it finds records of points that are not in the vault.
 */
export const expireVault =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ vault: name }) => {
    const place = placeOf(ports.places, { vault: name })
    const vault = await ports.vaults.open(place)
    if (!vault) return { vault: name, ...NOTHING }
    let recordedCount = 0
    const expired = await vault.expire(keepsIn(ports.copyRules, name), async (points) => {
      recordedCount = await recordExpired(ports, { name, url: vaultUrl(place), vault }, points)
    })
    const { pointCount, copyCount, damages, ...done } = expired
    const [damage, ...more] = damages
    if (damage !== undefined)
      throw new TandemError('VaultDamaged', `${damage}${more.length > 0 ? ` And ${more.length} more.` : ''}`)
    return { vault: name, expiredPointCount: pointCount, expiredCopyCount: copyCount, recordedCount, ...done }
  }

interface Subject {
  readonly name: string
  readonly url: string
  readonly vault: Pick<ExpiringVault, 'holds'>
}

/** @returns how many copies the catalog tells of no more */
async function recordExpired(
  { catalog, copies, clock }: Ports,
  { name, url, vault }: Subject,
  points: readonly JudgedPoint[],
): Promise<number> {
  const kept = new Set(points.filter(({ isGone }) => !isGone).map(({ manifest }) => manifest))
  const reasons = new Map(points.map(({ manifest, reason }) => [manifest, reason]))
  let count = 0
  for await (const page of catalog.machines())
    for (const { machine } of page)
      for (const copy of await copies.copies(machine)) {
        if (!isCommittedIn(copy, name, url) || kept.has(copy.manifest)) continue
        // It may have been committed after the points were listed.
        if (await vault.holds(copy.manifest)) continue
        const expiryReason = reasons.get(copy.manifest) ?? 'it was in the vault no more'
        if (await recordOne(copies, copy, { expiredAt: clock.now(), expiryReason })) count += 1
      }
  return count
}

/** A vault of that name may have been somewhere else before: what is there is not judged here. */
const isCommittedIn = (copy: CopyRecord, vault: string, url: string): copy is CopyIn<'committed'> =>
  copy.state === 'committed' && copy.vault === vault && copy.url === url

async function recordOne(
  copies: Ports['copies'],
  copy: CopyIn<'committed'>,
  expiry: Pick<CopyIn<'expired'>, 'expiredAt' | 'expiryReason'>,
): Promise<boolean> {
  const { committedAt, manifest } = copy
  try {
    await copies.advanceCopy(['committed'], {
      ...copyInAnyState.parse(copy),
      state: 'expired',
      committedAt,
      manifest,
      ...expiry,
    })
    return true
  } catch (error) {
    // Another expiry told it, and the point is being copied again already.
    if (isTandemError(error, 'LostRace')) return false
    throw error
  }
}
