import * as z from 'zod'
import { policyName, vaultName } from './identifiers.ts'

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

/** A secondary copy of a policy's points. */
export const copyRule = z.strictObject({
  /** One of the file's `vaults`. */
  vault: vaultName,
  /** A point is copied when the last copy is this old. */
  every: z
    .string()
    .regex(
      /^(1 (hour|day|week)|([2-9]|[1-9]\d{1,2}) (hours|days|weeks))$/,
      'not an interval; expected e.g. 1 day or 12 hours',
    ),
  /** How long points are kept in that vault, or how many of each machine. Without it for ever. */
  keep: z
    .string()
    .regex(
      /^(1 (day|week|copy)|([2-9]|[1-9]\d{1,3}) (days|weeks|copies))$/,
      'not how long copies are kept; expected e.g. 30 days, 12 weeks or 10 copies',
    )
    .optional(),
})

/** Where copies are kept. Without a place it is the deployment's own: the stack makes bucket and key. */
const vault = z
  .strictObject({
    at: z
      .string()
      .regex(
        /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w./-]*)?$/,
        'not a place of a vault; expected e.g. s3://bucket/prefix',
      )
      .optional(),
    /** What the vault was made with: a KMS key. */
    key: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/,
        'not the ARN of a KMS key; expected e.g. arn:aws:kms:eu-central-1:111122223333:key/…',
      )
      .optional(),
  })
  .refine(({ at, key }) => (at === undefined) === (key === undefined), {
    error: 'give both at and key, or neither for a vault of the deployment',
  })

export const policy = z.strictObject({
  /** When machines under this policy are protected. */
  schedule: scheduleExpression,
  timeZone: timeZone.default('UTC'),
  /** Starts each run at a random moment within this many minutes, so that fleets do not start at once. 0: on the minute. */
  spreadMinutes: z.int(MINUTES).min(0, MINUTES).max(1440, MINUTES).default(0),
  /** How many days the disks that a revert replaced are kept, so that it can be undone. */
  keepReplacedDays: z.int(DAYS).min(1, DAYS).max(365, DAYS).default(7),
  /** Secondary copies of the points. */
  copies: z.array(copyRule).max(5, 'at most 5 copies of a point').default([]),
})

export const policyFile = z
  .strictObject({
    $schema: z.string().optional(),
    /** By name; `copies` of policies refer to them. */
    vaults: z.record(vaultName, vault).default({}),
    policies: z
      .record(policyName, policy)
      .refine((policies) => Object.keys(policies).length > 0, { error: 'no policy; name at least one' }),
  })
  .superRefine(({ vaults, policies }, context) => {
    for (const [name, { copies }] of Object.entries(policies))
      for (const [index, { vault: wanted }] of copies.entries()) {
        const path = ['policies', name, 'copies', index, 'vault']
        if (!Object.hasOwn(vaults, wanted))
          context.addIssue({ code: 'custom', path, message: `no vault ${wanted} under "vaults"; name one of them` })
        if (copies.findIndex((copy) => copy.vault === wanted) < index)
          context.addIssue({ code: 'custom', path, message: `a second copy in the vault ${wanted}; name a vault once` })
      }
  })

export type Policy = z.infer<typeof policy>
export type PolicyFile = z.infer<typeof policyFile>
export type CopyRule = z.infer<typeof copyRule>

/** What a Lambda needs of the policies, small enough for its environment. */
export const deployedPolicies = z.record(policyName, policy.pick({ keepReplacedDays: true }))
export type DeployedPolicies = z.infer<typeof deployedPolicies>

/** The copies of each policy that has any. */
export const deployedCopies = z.record(policyName, z.array(copyRule))
export type DeployedCopies = z.infer<typeof deployedCopies>

/** The vaults of the file, as Lambdas need them. */
export const deployedVaults = z.record(
  vaultName,
  z.strictObject({
    bucket: z.string(),
    /** Empty, or ends with `/`. */
    prefix: z.string(),
    /** ARN of the KMS key that it is, or is to be, made with. */
    key: z.string(),
    /** The deployment's own: made when it is first needed. */
    isOwn: z.boolean(),
  }),
)
export type DeployedVaults = z.infer<typeof deployedVaults>
export type DeployedVault = DeployedVaults[string]
