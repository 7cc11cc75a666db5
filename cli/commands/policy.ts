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
      ['POLICY', 'PROTECTS', 'TIME ZONE', 'SPREAD OVER', 'REPLACED DISKS KEPT', 'SCHEDULE'],
      Object.entries(policies).map(([name, { schedule, timeZone, spreadMinutes, keepReplacedDays }]) => [
        name,
        scheduleInWords(schedule),
        timeZone,
        spreadMinutes === 0 ? '-' : `${spreadMinutes} min`,
        counted(keepReplacedDays, 'day'),
        schedule,
      ]),
    ),
  )
}
