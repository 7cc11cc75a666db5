import * as z from 'zod'
import { instant, machineId, pointId, runId, vaultName } from './identifiers.ts'
import { diskToCopy, proxyPlan } from './jobs.ts'
import { failure } from './records.ts'

/** The catalog's records of secondary copies: the "other copy ref" of FIG. 7. Written through `Copies` (core/copy-ports.ts) only. */

const copy = z.strictObject({
  version: z.literal(1),
  machine: machineId,
  point: pointId,
  capturedAt: instant,
  /** Its name in the policy file. */
  vault: vaultName,
  /** `s3://bucket/prefix`, for people. */
  url: z.string(),
  run: runId,
  startedAt: instant,
  path: z.enum(['direct', 'proxy']),
  /** Why this path. */
  reason: z.string(),
  disks: z.array(diskToCopy).min(1),
  /** Empty for the direct path. */
  proxies: z.array(proxyPlan),
})

/** As `pointInAnyState`. */
export const copyInAnyState = z.object(copy.shape)

/** A copy of a point in a vault. */
export const copyRecord = z.discriminatedUnion('state', [
  copy.extend({ state: z.literal('copying') }),
  copy.extend({
    state: z.literal('committed'),
    committedAt: instant,
    /** Key of the point's manifest in the vault. */
    manifest: z.string(),
    /** Of all its disks together. */
    readBytes: z.number().nonnegative(),
    newBytes: z.number().nonnegative(),
    storedBytes: z.number().nonnegative(),
  }),
  /** The vault holds no such point. What was written of its disks is used by the next try, or expires. */
  copy.extend({ state: z.literal('failed'), failedAt: instant, failure }),
  /** It was committed, and the vault holds it no more. The point may be copied again. */
  copy.extend({
    state: z.literal('expired'),
    committedAt: instant,
    manifest: z.string(),
    expiredAt: instant,
    /** For people: which rule let it go. */
    expiryReason: z.string(),
  }),
])

export type CopyRecord = z.infer<typeof copyRecord>
export type CopyState = CopyRecord['state']
export type CopyIn<State extends CopyState> = Extract<CopyRecord, { state: State }>
