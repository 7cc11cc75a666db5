/** Step 2 of an expiry: manifests that are due (docs/vault-format.md, section 8). */
import { millisOf, PREFIX, readManifestName, readPointName } from '../format/names.ts'
import { readPoint } from '../points.ts'
import type { Vault } from '../vault.ts'
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

const pointsIn = (vault: Vault): Promise<Candidate[]> =>
  candidates(vault, PREFIX.points, (name) => {
    const parts = readPointName(name)
    return parts && { of: parts.machine, time: parts.time }
  })

const copiesIn = (vault: Vault): Promise<Candidate[]> =>
  candidates(vault, PREFIX.disks, (name) => {
    const parts = readManifestName(name)
    return parts && { of: parts.disk, time: parts.time }
  })

async function candidates(
  { store }: Vault,
  prefix: string,
  read: (name: string) => { readonly of: string; readonly time: string } | undefined,
): Promise<Candidate[]> {
  const found: Candidate[] = []
  for await (const { name, writtenMs } of store.list(prefix)) {
    const parts = read(name)
    if (parts) found.push({ name, of: parts.of, takenAtMs: millisOf(parts.time), writtenMs })
  }
  return found
}

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
