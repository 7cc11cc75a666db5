/** Step 2 of an expiry: manifests that are due (docs/vault-format.md, section 8). */
import { listPoints, readPoint } from '../points.ts'
import { listCopies, type Vault } from '../vault.ts'
import type { JudgedAt, Retention, Verdict } from './retention.ts'

export interface Verdicts {
  readonly points: readonly Verdict[]
  readonly copies: readonly Verdict[]
}

/** What a rule keeps of a vault, and what not. Reads only. @throws TandemError VaultDamaged when a point cannot be read */
export async function judgeVault(vault: Vault, retention: Retention, at: JudgedAt): Promise<Verdicts> {
  const points = await retention.points(vault, await listPoints(vault), at)
  return { points, copies: await judgeCopies(vault, retention, at, points) }
}

async function judgeCopies(
  vault: Vault,
  retention: Retention,
  at: JudgedAt,
  points: readonly Verdict[],
): Promise<Verdict[]> {
  const pointOf = new Map<string, string>()
  for (const { name, isDue } of points)
    if (!isDue) for (const { copy } of (await readPoint(vault, name)).disks) pointOf.set(copy, name)
  return retention.copies(vault, await listCopies(vault), { ...at, pointOf })
}

/** Deletes what is due, points first. What Object Lock holds stays, and a point that stays keeps its copies. */
export async function removeDue(vault: Vault, retention: Retention, at: JudgedAt): Promise<Verdicts> {
  const points = await removeEach(vault, await retention.points(vault, await listPoints(vault), at))
  const copies = await removeEach(vault, await judgeCopies(vault, retention, at, points))
  return { points, copies }
}

async function removeEach({ store }: Vault, verdicts: readonly Verdict[]): Promise<Verdict[]> {
  const after: Verdict[] = []
  for (const verdict of verdicts) {
    const isLocked = verdict.isDue && (await store.remove(verdict.name)) === 'locked'
    after.push(isLocked ? { ...verdict, isDue: false, reason: 'held by Object Lock' } : verdict)
  }
  return after
}
