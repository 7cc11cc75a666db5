/** Step 2 of an expiry: manifests that are due (docs/vault-format.md, section 8). */
import { millisOf } from '../format/names.ts'
import { listPoints, readPoint } from '../points.ts'
import { listCopies, type CopyName, type Vault } from '../vault.ts'
import { judge, keepThoseInPoints, type Candidate, type RetentionRule, type Verdict } from './retention.ts'

export interface Verdicts {
  readonly points: readonly Verdict[]
  readonly copies: readonly Verdict[]
}

export interface JudgedAt {
  readonly nowMs: number
  readonly graceMs: number
}

/** What a rule keeps of a vault, and what not. Reads only. @throws TandemError VaultDamaged when a point cannot be read */
export async function judgeVault(vault: Vault, rule: RetentionRule, at: JudgedAt): Promise<Verdicts> {
  const points = judge(await pointsIn(vault), rule, at)
  return { points, copies: await judgeCopies(vault, rule, at, points) }
}

async function judgeCopies(
  vault: Vault,
  rule: RetentionRule,
  at: JudgedAt,
  points: readonly Verdict[],
): Promise<Verdict[]> {
  const pointsOf = new Map<string, string>()
  for (const { name, isDue } of points)
    if (!isDue) for (const { copy } of (await readPoint(vault, name)).disks) pointsOf.set(copy, name)
  return keepThoseInPoints(judge(await copiesIn(vault), rule, at), pointsOf)
}

const pointsIn = async (vault: Vault): Promise<Candidate[]> =>
  (await listPoints(vault)).map(({ machine, ...point }) => candidate(machine, point))

const copiesIn = async (vault: Vault): Promise<Candidate[]> =>
  (await listCopies(vault)).map(({ disk, ...copy }) => candidate(disk, copy))

const candidate = (
  of: string,
  { name, time, writtenMs }: Pick<CopyName, 'name' | 'time' | 'writtenMs'>,
): Candidate => ({
  name,
  of,
  takenAtMs: millisOf(time),
  writtenMs,
})

/** Deletes what is due, points first. What Object Lock holds stays, and a point that stays keeps its copies. */
export async function removeDue(vault: Vault, rule: RetentionRule, at: JudgedAt): Promise<Verdicts> {
  const judged = judge(await pointsIn(vault), rule, at)
  const points = await removeEach(vault, judged)
  const copies = await removeEach(vault, await judgeCopies(vault, rule, at, points))
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
