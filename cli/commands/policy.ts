import type { CopyRule } from '../../core/contracts/policies.ts'
import { parsePolicyFile } from '../../core/policy-file.ts'
import { counted } from '../ages.ts'
import { print, tableFor, type CommonOptions, type Context } from '../context.ts'
import { scheduleInWords } from '../schedules.ts'

/** Checks a policy file without an account. Throws PolicyFileInvalid with the path of every wrong field. */
export function checkPolicies(context: Context, path: string, options: CommonOptions): void {
  const { policies } = parsePolicyFile(context.readFile(path), path)
  print(context, options, policies, () =>
    tableFor(
      context,
      ['POLICY', 'PROTECTS', 'TIME ZONE', 'SPREAD OVER', 'REPLACED DISKS KEPT', 'COPIES', 'SCHEDULE'],
      Object.entries(policies).map(([name, { schedule, timeZone, spreadMinutes, keepReplacedDays, copies }]) => [
        name,
        scheduleInWords(schedule),
        timeZone,
        spreadMinutes === 0 ? '-' : `${spreadMinutes} min`,
        counted(keepReplacedDays, 'day'),
        copies.map(copyInWords).join('; ') || '-',
        schedule,
      ]),
    ),
  )
}

/** `main every day, kept 30 days`. */
const copyInWords = ({ vault, every, keep = 'for ever' }: CopyRule): string =>
  `${vault} every ${every.replace(/^1 /, '')}, kept ${keep}`
