import type { CopyRecord } from './contracts/copy-records.ts'
import type { CopyRule } from './contracts/policies.ts'
import { DAY_MS, MINUTE_MS, msBetween } from './instants.ts'

const UNIT_MS: Readonly<Record<string, number>> = { hour: 60 * MINUTE_MS, day: DAY_MS, week: 7 * DAY_MS }

/** Of an interval that is late by less than this, nobody would say that it has not passed: daily copies of hourly points stay daily. */
const TOLERANCE = 0.1

const intervalMs = (every: string): number => {
  const [count, unit = ''] = every.split(' ')
  return Number(count) * (UNIT_MS[unit.replace(/s$/, '')] ?? DAY_MS)
}

/** The vaults that a new point has to be copied to. */
export const dueCopies = (
  rules: readonly CopyRule[],
  copies: readonly CopyRecord[],
  point: { readonly point: string; readonly capturedAt: string },
): string[] =>
  rules
    .filter(({ vault, every }) => {
      const latest = copies
        .filter((copy) => copy.vault === vault && copy.state !== 'failed' && copy.point !== point.point)
        .map(({ capturedAt }) => capturedAt)
        .toSorted()
        .at(-1)
      return latest === undefined || msBetween(latest, point.capturedAt) >= intervalMs(every) * (1 - TOLERANCE)
    })
    .map(({ vault }) => vault)
