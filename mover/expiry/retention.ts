/** Which copies and points a rule keeps. */

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

/** @param graceMs what was written later than that before now is never due: the rest of its point may be under way */
export function judge(
  candidates: readonly Candidate[],
  { keepCount, keepDays }: RetentionRule,
  { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number },
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

/** Copies that are in a point that stays, stay. */
export function keepThoseInPoints(copies: readonly Verdict[], pointsOf: ReadonlyMap<string, string>): Verdict[] {
  return copies.map((copy) => {
    const point = pointsOf.get(copy.name)
    return copy.isDue && point !== undefined ? { ...copy, isDue: false, reason: `in the point ${point}` } : copy
  })
}
