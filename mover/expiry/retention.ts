/** Which copies and points a rule keeps. */
import { millisOf } from '../format/names.ts'
import type { PointName } from '../points.ts'
import type { CopyName, Vault } from '../vault.ts'

/** Decides what is due. Reads only. @throws TandemError VaultDamaged when what it has to know cannot be read */
export interface Retention {
  points(vault: Vault, points: readonly PointName[], at: JudgedAt): Promise<Verdict[]>
  /** @param pointOf the point that stays and has the copy, by the key of the copy's manifest: such a copy stays */
  copies(
    vault: Vault,
    copies: readonly CopyName[],
    at: JudgedAt & { readonly pointOf: ReadonlyMap<string, string> },
  ): Promise<Verdict[]>
}

export interface JudgedAt {
  readonly nowMs: number
  /** What was written later than that before now is never due: the rest of its point may be under way. */
  readonly graceMs: number
}

/** What one of these keeps stays. */
export interface RetentionRule {
  /** The newest so many of each disk, and of each machine; 1 at least. */
  readonly keepCount: number
  /** All that are younger than so many days. */
  readonly keepDays: number
}

export interface Candidate {
  /** Key of the manifest. */
  readonly name: string
  /** Disk or machine. */
  readonly of: string
  readonly takenAtMs: number
  /** When its manifest was written. */
  readonly writtenMs: number
}

export interface Verdict extends Candidate {
  readonly isDue: boolean
  /** For people: why it stays, or goes. */
  readonly reason: string
}

const DAY_MS = 86_400_000

/** One rule for all: the newest of each disk and of each machine, and what is young. */
export const keepNewest = (rule: RetentionRule): Retention => ({
  async points(_, points, at) {
    return judge(
      points.map((point) => candidate(point.machine, point)),
      rule,
      at,
    )
  },
  async copies(_, copies, { pointOf, ...at }) {
    return keepThoseInPoints(
      judge(
        copies.map((copy) => candidate(copy.disk, copy)),
        rule,
        at,
      ),
      pointOf,
    )
  },
})

/** @param of disk or machine */
export const candidate = (
  of: string,
  { name, time, writtenMs }: Pick<CopyName, 'name' | 'time' | 'writtenMs'>,
): Candidate => ({ name, of, takenAtMs: millisOf(time), writtenMs })

export function judge(
  candidates: readonly Candidate[],
  { keepCount, keepDays }: RetentionRule,
  { nowMs, graceMs }: JudgedAt,
): Verdict[] {
  const ranks = new Map<string, number>()
  return candidates
    .toSorted((left, right) => right.takenAtMs - left.takenAtMs || (left.name < right.name ? 1 : -1))
    .map((candidate) => {
      const rank = (ranks.get(candidate.of) ?? 0) + 1
      ranks.set(candidate.of, rank)
      const ageDays = (nowMs - candidate.takenAtMs) / DAY_MS
      const kept =
        rank === 1
          ? `the newest of ${candidate.of}`
          : rank <= keepCount
            ? `one of the ${keepCount} newest of ${candidate.of}`
            : ageDays < keepDays
              ? `younger than ${keepDays} days`
              : nowMs - candidate.writtenMs < graceMs
                ? 'written within the grace period'
                : undefined
      return { ...candidate, isDue: kept === undefined, reason: kept ?? 'no longer kept by the rule' }
    })
}

const keepThoseInPoints = (copies: readonly Verdict[], pointOf: ReadonlyMap<string, string>): Verdict[] =>
  copies.map((copy) => {
    const point = pointOf.get(copy.name)
    return copy.isDue && point !== undefined ? { ...copy, isDue: false, reason: inPoint(point) } : copy
  })

export const inPoint = (point: string): string => `in the point ${point}`
