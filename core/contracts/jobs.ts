import * as z from 'zod'
import { deviceName, instant, snapshotId, taskToken, volumeId } from './identifiers.ts'

/** What crosses from the workflow to the data plane: what a Lambda of the direct path, or a proxy, is to copy. */

export const vaultPlace = z.strictObject({
  bucket: z.string().min(1),
  /** Empty, or ends with `/`. */
  prefix: z.string(),
})

/** Object of the reports bucket under which the worker tells how far it is; overwritten again and again. */
const progressKey = z.string().startsWith('progress/')

/** One disk of a point, and what its copy may be compared with. */
export const diskToCopy = z.strictObject({
  /** The disk's name in the vault too. */
  volume: volumeId,
  snapshot: snapshotId,
  sizeBytes: z.int().positive(),
  /** 16 bytes: the same for every try, so that a second one finds the first one's manifest. */
  diskCopyId: z.string().regex(/^[0-9a-f]{32}$/),
  /** That have to be read, as the plan counted. */
  blockCount: z.int().nonnegative(),
  /** The newest copy of the disk (key of its manifest) and the snapshot that it holds. */
  since: z.strictObject({ snapshot: snapshotId, copy: z.string() }).optional(),
  /** There are copies of the disk, but none that the snapshot can be compared with. */
  lineageBroken: z.boolean(),
})

export const diskJob = z.strictObject({
  vault: vaultPlace,
  takenAt: instant,
  disk: diskToCopy,
  progress: progressKey,
})

/** What a proxy reads at its start: `jobs/…` in the reports bucket, for it holds the token. */
export const proxyJob = z.strictObject({
  version: z.literal(1),
  token: taskToken,
  vault: vaultPlace,
  takenAt: instant,
  disks: z.array(diskToCopy.extend({ device: deviceName })).min(1),
  progress: progressKey,
})

/** What every proxy of a deployment has in common. */
export const deployedProxy = z.strictObject({
  /** Public or own SSM parameter that holds the id of its image: Amazon Linux 2023 for arm64. */
  imageParameter: z.string(),
  instanceProfile: z.string(),
  securityGroup: z.string(),
  /** Without it the default subnet of the zone. */
  subnet: z.string().optional(),
  /** Where the bundle of the mover is. */
  moverBucket: z.string(),
  moverKey: z.string(),
})
export type DeployedProxy = z.infer<typeof deployedProxy>

/** How far a worker is. */
export const progressReport = z.strictObject({
  doneBytes: z.number().nonnegative(),
  totalBytes: z.number().nonnegative(),
  bytesPerSecond: z.number().nonnegative(),
  remainingSeconds: z.number().nonnegative().optional(),
  at: instant,
})

/** What became of a disk. */
export const diskCopied = z.strictObject({
  volume: volumeId,
  /** Key of its manifest in the vault. */
  manifest: z.string(),
  mode: z.enum(['full', 'incremental', 'full-after-broken-lineage']),
  readBytes: z.number(),
  newBytes: z.number(),
  storedBytes: z.number(),
})

export type DiskToCopy = z.infer<typeof diskToCopy>
export type DiskJob = z.infer<typeof diskJob>
export type ProxyJob = z.infer<typeof proxyJob>
export type ProgressReport = z.infer<typeof progressReport>
export type DiskCopied = z.infer<typeof diskCopied>
