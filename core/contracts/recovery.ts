import * as z from 'zod'
import { instant, pointId, vaultName } from './identifiers.ts'
import { diskToWrite, proxyPlan } from './jobs.ts'

/** Of a point whose snapshots were not captured, but written anew from its copy in a vault. */
export const recovery = z.strictObject({
  vault: vaultName,
  /** `s3://bucket/prefix`, for people. */
  url: z.string(),
  /** Key of the point's manifest in the vault. */
  manifest: z.string(),
  /** The point that was copied, and its instant. */
  point: pointId,
  capturedAt: instant,
  path: z.enum(['direct', 'proxy']),
  /** Why this path. */
  reason: z.string(),
  /** In the order of the members. */
  disks: z.array(diskToWrite).min(1),
  /** Empty for the direct path. */
  proxies: z.array(proxyPlan),
  /** In the place of each disk's own. */
  kmsKey: z.string().optional(),
  /** When EBS was last asked for the new snapshots; absent before. */
  snapshotsAskedAt: instant.optional(),
})

export type Recovery = z.infer<typeof recovery>
