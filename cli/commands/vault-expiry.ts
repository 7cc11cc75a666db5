/** `tandem vault expire`: deletes copies and points that a rule does not keep, and what only they needed. */
import { judgeVault } from '../../mover/expiry/due-copies.ts'
import { expireVault, GRACE_MS } from '../../mover/expiry/expire-vault.ts'
import { keepNewest, type RetentionRule, type Verdict } from '../../mover/expiry/retention.ts'
import { bytesInWords } from '../bytes.ts'
import { print, tableFor, type Context } from '../context.ts'
import { invalidInput } from '../failure.ts'
import { openPlace, type VaultOptions } from './vault.ts'

export interface ExpireOptions extends VaultOptions {
  readonly keep?: string
  readonly keepDays?: string
  /** Hours. */
  readonly grace?: string
  readonly plan: boolean
  readonly yes: boolean
}

const HOUR_MS = 3_600_000

const numberOf = (name: string, text: string | undefined, least: number, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (Number.isFinite(value) && value >= least) return value
  throw invalidInput(`${name} ${text}: expected a number, ${least} or more.`)
}

function ruleOf({ keep, keepDays }: ExpireOptions): RetentionRule {
  if (keep === undefined && keepDays === undefined)
    throw invalidInput('Say what is kept: --keep <count> of each disk and machine, --keep-days <days>, or both.')
  return { keepCount: numberOf('--keep', keep, 1, 1), keepDays: numberOf('--keep-days', keepDays, 0, 0) }
}

export async function expireCopies(context: Context, url: string, options: ExpireOptions): Promise<void> {
  const retention = keepNewest(ruleOf(options))
  const graceMs = numberOf('--grace', options.grace, GRACE_MS / HOUR_MS, GRACE_MS / HOUR_MS) * HOUR_MS
  if (options.plan === options.yes)
    throw invalidInput('Expired copies cannot be brought back: look at it with --plan, then use --yes.')
  const { vault } = await openPlace(url, options)
  if (options.plan) {
    const { points, copies } = await judgeVault(vault, retention, { nowMs: Date.parse(context.now()), graceMs })
    const verdicts = [...points, ...copies]
    return print(context, options, { points: forPrint(points), copies: forPrint(copies) }, () =>
      verdicts.length === 0
        ? 'There are no copies yet.'
        : tableFor(
            context,
            ['COPY OR POINT', 'WHAT', 'WHY'],
            verdicts.map(({ name, isDue, reason }) => [name, isDue ? 'goes' : 'stays', reason]),
          ),
    )
  }
  const { points, copies, ...done } = await expireVault({ vault, retention, graceMs })
  const gone = { points: namesDue(points), copies: namesDue(copies) }
  print(context, options, { ...gone, ...done }, () =>
    [
      ...[...gone.points, ...gone.copies].map((name) => `${name} is gone`),
      `${gone.points.length} points and ${gone.copies.length} copies expired; freed ${bytesInWords(done.removedBytes)} in ${done.removedCount} objects. ` +
        `${done.announcedCount} more are no longer needed and go when the grace period of ${graceMs / HOUR_MS} hours is over: expire again then.`,
      ...(done.lockedCount > 0 ? [`${done.lockedCount} objects are held by Object Lock.`] : []),
      ...done.damages,
    ].join('\n'),
  )
}

const namesDue = (verdicts: readonly Verdict[]): string[] =>
  verdicts.filter(({ isDue }) => isDue).map(({ name }) => name)

/** For programs. */
export const forPrint = (verdicts: readonly Verdict[]) =>
  verdicts.map(({ name, isDue, reason }) => ({ name, isDue, reason }))
