import * as z from 'zod'
import { policyName } from './identifiers.ts'

/** The policy file: `policies.json`, one entry per policy. `docs/policies.md` explains it to the people who write it. */

/** rate(), cron() and at() as EventBridge Scheduler knows them (AWS facts D.1); the finer grammar is Scheduler's to check. */
const scheduleExpression = z
  .string()
  .regex(
    /^(rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\))$/,
    'not a schedule; expected e.g. rate(6 hours) or cron(0 2 * * ? *)',
  )

const timeZone = z.string().refine(
  (zone) => {
    try {
      return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }))
    } catch {
      return false
    }
  },
  { error: 'not a time zone of the IANA database; expected e.g. Europe/Berlin' },
)

const MINUTES = 'not a number of minutes; expected a whole number from 0 to 1440'
const DAYS = 'not a number of days; expected a whole number from 1 to 365'

export const policy = z.strictObject({
  /** When machines under this policy are protected. */
  schedule: scheduleExpression,
  timeZone: timeZone.default('UTC'),
  /** Starts each run at a random moment within this many minutes, so that fleets do not start at once. 0: on the minute. */
  spreadMinutes: z.int(MINUTES).min(0, MINUTES).max(1440, MINUTES).default(0),
  /** How many days the disks that a revert replaced are kept, so that it can be undone. */
  keepReplacedDays: z.int(DAYS).min(1, DAYS).max(365, DAYS).default(7),
})

export const policyFile = z.strictObject({
  $schema: z.string().optional(),
  policies: z
    .record(policyName, policy)
    .refine((policies) => Object.keys(policies).length > 0, { error: 'no policy; name at least one' }),
})

export type Policy = z.infer<typeof policy>
export type PolicyFile = z.infer<typeof policyFile>

/** What a Lambda needs of the policies, small enough for its environment. */
export const deployedPolicies = z.record(policyName, policy.pick({ keepReplacedDays: true }))
export type DeployedPolicies = z.infer<typeof deployedPolicies>
