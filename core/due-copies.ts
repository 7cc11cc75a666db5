import type { CopyRecord } from './contracts/copy-records.ts'
import type { CopyRule } from './contracts/policies.ts'
import type { PointRecord } from './contracts/records.ts'
import { DAY_MS, MINUTE_MS, msBetween } from './instants.ts'
import { isInVault } from './record-states.ts'

const UNIT_MS: Readonly<Record<string, number>> = { hour: 60 * MINUTE_MS, day: DAY_MS, week: 7 * DAY_MS }

/** Of an interval that is late by less than this, nobody would say that it has not passed: daily copies of hourly points stay daily. */
const TOLERANCE = 0.1

const intervalMs = (every: string): number => {
  const [count, unit = ''] = every.split(' ')
  return Number(count) * (UNIT_MS[unit.replace(/s$/, '')] ?? DAY_MS)
}

/** When the newest point was captured that is in this vault, or about to be. */
const latestIn = (vault: string, copies: readonly CopyRecord[]): string | undefined =>
  copies
    .filter((copy) => copy.vault === vault && isInVault(copy))
    .map(({ capturedAt }) => capturedAt)
    .toSorted()
    .at(-1)

const isDue = ({ every }: CopyRule, latest: string | undefined, capturedAt: string): boolean =>
  latest === undefined || msBetween(latest, capturedAt) >= intervalMs(every) * (1 - TOLERANCE)

/** The vaults that a new point has to be copied to. */
export const dueCopies = (
  rules: readonly CopyRule[],
  copies: readonly CopyRecord[],
  { point, capturedAt }: { readonly point: string; readonly capturedAt: string },
): string[] => {
  const others = copies.filter((copy) => copy.point !== point)
  return rules.filter((rule) => isDue(rule, latestIn(rule.vault, others), capturedAt)).map(({ vault }) => vault)
}

/** Longer than it takes from a complete point to the record of its copy, with every retry and the wait for another run. */
const GRACE_MS = 60 * MINUTE_MS

/** A copy that a policy asks for and that nobody has begun. */
export interface OwedCopy extends CopyRule {
  readonly machine: string
  /** The first point that should have been copied, and the run that took it. */
  readonly point: string
  readonly run: string
  /** Instant of the newest point that is in the vault. */
  readonly latest?: string
}

/**
 * @param copies of one machine
 * @param points of the same machine, in any order; complete ones count
 */
export const owedCopies = (
  rules: readonly CopyRule[],
  copies: readonly CopyRecord[],
  points: readonly PointRecord[],
  now: string,
): OwedCopy[] =>
  rules.flatMap((rule) => {
    const latest = latestIn(rule.vault, copies)
    const [first] = points
      .filter((point) => point.state === 'complete')
      .filter(({ capturedAt }) => isDue(rule, latest, capturedAt))
      .toSorted((one, other) => msBetween(other.completedAt, one.completedAt))
    if (!first || msBetween(first.completedAt, now) < GRACE_MS) return []
    const { machine, point, run } = first
    return [{ ...rule, machine, point, run, ...(latest === undefined ? {} : { latest }) }]
  })
