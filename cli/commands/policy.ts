import { parsePolicyFile } from '../../core/policy-file.ts'
import { print, type CommonOptions, type Context } from '../context.ts'
import { table } from '../terminal.ts'

/** Checks a policy file without an account. Throws PolicyFileInvalid with the path of every wrong field. */
export function checkPolicies(context: Context, path: string, options: CommonOptions): void {
  const { policies } = parsePolicyFile(context.readFile(path), path)
  print(context, options, policies, () =>
    table(
      ['POLICY', 'SCHEDULE', 'TIME ZONE', 'SPREAD', 'REPLACED DISKS KEPT'],
      Object.entries(policies).map(([name, policy]) => [
        name,
        policy.schedule,
        policy.timeZone,
        policy.spreadMinutes === 0 ? '-' : `${policy.spreadMinutes} min`,
        `${policy.keepReplacedDays} d`,
      ]),
    ),
  )
}
