/** Step 2 of an expiry: manifests that are due (docs/vault-format.md, section 8). */
import { listPoints, readPoint } from '../points.ts'
import { listCopies, type CopyName, type Vault } from '../vault.ts'
import type { JudgedAt, Retention, Verdict } from './retention.ts'

export interface Verdicts {
  readonly points: readonly Verdict[]
  readonly copies: readonly Verdict[]
  /** What is missing or could not be read although it is needed, in words that name it: it stays as it is. */
  readonly damages: readonly string[]
}

/** What a rule keeps of a vault, and what not. Reads only. @throws TandemError VaultDamaged when a point cannot be read */
export async function judgeVault(vault: Vault, retention: Retention, at: JudgedAt): Promise<Verdicts> {
  const { points, copies, damages } = await judgePoints(vault, retention, at)
  const pointOf = await pointsByCopy(vault, points)
  return { points, copies: await retention.copies(vault, copies, { ...at, pointOf }), damages }
}

interface JudgedPoints extends Pick<Verdicts, 'points' | 'damages'> {
  readonly copies: readonly CopyName[]
}

/** Points of a machine go only while a newer one is whole: what is left of it, if somebody deleted copies of the newest. */
async function judgePoints(vault: Vault, retention: Retention, at: JudgedAt): Promise<JudgedPoints> {
  const verdicts = await retention.points(vault, await listPoints(vault), at)
  // After the points: what a point needs was there before it.
  const copies = await listCopies(vault)
  const there = new Set(copies.map(({ name }) => name))
  const broken = new Map<string, string>()
  for (const { of, name } of newestOfThoseWithDue(verdicts)) {
    const missing = (await readPoint(vault, name)).disks.find(({ copy }) => !there.has(copy))
    if (missing)
      broken.set(
        of,
        `${name} in the vault at ${vault.store.url} needs ${missing.copy}, which is missing: no older point of ${of} is let go.`,
      )
  }
  const points = verdicts.map((verdict) =>
    verdict.isDue && broken.has(verdict.of)
      ? { ...verdict, isDue: false, reason: `the newest of ${verdict.of} is not whole` }
      : verdict,
  )
  return { points, copies, damages: [...broken.values()] }
}

/** @param verdicts of each machine the newest first */
function newestOfThoseWithDue(verdicts: readonly Verdict[]): readonly Verdict[] {
  const withDue = new Set(verdicts.filter(({ isDue }) => isDue).map(({ of }) => of))
  return verdicts.filter(({ of }) => withDue.delete(of))
}

/** Which point that stays has a copy. */
async function pointsByCopy(vault: Vault, points: readonly Verdict[]): Promise<Map<string, string>> {
  const pointOf = new Map<string, string>()
  for (const { name, isDue } of points)
    if (!isDue) for (const { copy } of (await readPoint(vault, name)).disks) pointOf.set(copy, name)
  return pointOf
}

/** Deletes what is due, points first. What Object Lock holds stays, and a point that stays keeps its copies. */
export async function removeDue(vault: Vault, retention: Retention, at: JudgedAt): Promise<Verdicts> {
  const judged = await judgePoints(vault, retention, at)
  const points = await removeEach(vault, judged.points)
  const pointOf = await pointsByCopy(vault, points)
  const copies = await removeEach(vault, await retention.copies(vault, judged.copies, { ...at, pointOf }))
  return { points, copies, damages: judged.damages }
}

async function removeEach({ store }: Vault, verdicts: readonly Verdict[]): Promise<Verdict[]> {
  const after: Verdict[] = []
  for (const verdict of verdicts) {
    const isLocked = verdict.isDue && (await store.remove(verdict.name)) === 'locked'
    after.push(isLocked ? { ...verdict, isDue: false, reason: 'held by Object Lock' } : verdict)
  }
  return after
}
