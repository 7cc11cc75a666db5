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

/** One disk of a copy, and the snapshot that it is written to. */
export const diskToWrite = z.strictObject({
  /** Its name in the vault. */
  volume: volumeId,
  /** Key of the manifest of its copy. */
  copy: z.string(),
  sizeBytes: z.int().positive(),
  /** That are not zeros. */
  blockCount: z.int().nonnegative(),
})

/** What a proxy is to be. */
export const proxyPlan = z.strictObject({
  instanceType: z.string(),
  /** Places of its disks in the list of all. */
  disks: z.array(z.int().nonnegative()).min(1),
})

const anyProxyJob = z.strictObject({
  version: z.literal(1),
  token: taskToken,
  vault: vaultPlace,
  progress: progressKey,
})

/** Copies the devices that the proxy was launched with. */
const copyJob = anyProxyJob.extend({
  kind: z.literal('copy'),
  takenAt: instant,
  disks: z.array(diskToCopy.extend({ device: deviceName })).min(1),
})

/** Writes disks of copies to snapshots that wait for their blocks. */
const recoveryJob = anyProxyJob.extend({
  kind: z.literal('recovery'),
  disks: z.array(diskToWrite.extend({ snapshot: snapshotId })).min(1),
})

/** What a proxy reads at its start: `jobs/…` in the reports bucket, for it holds the token. */
export const proxyJob = z.discriminatedUnion('kind', [copyJob, recoveryJob])

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

/** What became of a disk that was written back. */
export const diskWritten = z.strictObject({
  volume: volumeId,
  snapshot: snapshotId,
  writtenBytes: z.number(),
})

/** What became of a disk that was copied. */
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
export type DiskToWrite = z.infer<typeof diskToWrite>
export type ProxyPlan = z.infer<typeof proxyPlan>
export type ProxyJob = z.infer<typeof proxyJob>
export type CopyJob = z.infer<typeof copyJob>
export type RecoveryJob = z.infer<typeof recoveryJob>
export type ProgressReport = z.infer<typeof progressReport>
export type DiskCopied = z.infer<typeof diskCopied>
export type DiskWritten = z.infer<typeof diskWritten>
