import * as z from 'zod'

/** Shapes of the identifiers that cross a process boundary. Each message says what the value should look like. */

const awsId = (prefix: string, what: string) =>
  z
    .string()
    .regex(
      new RegExp(`^${prefix}-[0-9a-f]{8}([0-9a-f]{9})?$`),
      `not ${what} id; expected e.g. ${prefix}-0123456789abcdef0`,
    )

export const machineId = awsId('i', 'an instance')
export const volumeId = awsId('vol', 'a volume')
export const snapshotId = awsId('snap', 'a snapshot')

/** `pt-` and 20 hex digits: the run that made it, hashed, so that a repeated reservation names the same point. */
export const pointId = z.string().regex(/^pt-[0-9a-f]{20}$/, 'not a point id; expected e.g. pt-0123456789abcdef0123')
/** `rv-` and 20 hex digits, made the same way. */
export const revertId = z.string().regex(/^rv-[0-9a-f]{20}$/, 'not a revert id; expected e.g. rv-0123456789abcdef0123')

/** Short enough that `<policy>-<machine>-<time>` fits the 80 characters of an execution name (AWS facts C.1). */
export const policyName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/,
    'not a policy name; 1 to 40 of a-z, 0-9 and -, not starting or ending with -',
  )

/** As a policy's; it is a folder of the deployment's own bucket too. */
export const vaultName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/,
    'not a vault name; 1 to 40 of a-z, 0-9 and -, not starting or ending with -',
  )

/** A device name as EC2 knows it, e.g. /dev/sda1 or /dev/xvda. */
export const deviceName = z.string().regex(/^(\/dev\/)?[a-z0-9/]+$/, 'not a device name; expected e.g. /dev/sdf')

/** ISO 8601 in UTC, as Step Functions and EventBridge give it. */
export const instant = z.iso.datetime({ offset: false })

/** ARN of the execution that does the work: the identity of a run. */
export const runId = z
  .string()
  .regex(/^arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:(execution|express):.+$/, 'not an execution ARN')

export const taskToken = z.string().min(1).max(2048)
