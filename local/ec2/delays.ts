/**
 * How long EC2 and EBS take, in virtual milliseconds. The ranges are those of AWS facts A.24 (volume creating 1-5 s, attach
 * 2-5 s, start 10-30 s, stop 20-60 s); one value out of each range, so that a run repeats exactly.
 */
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const MIB = 1024 * 1024

/** pending → running. */
export const BOOT_MS = 20 * SECOND_MS
/** stopping → stopped. */
export const STOP_MS = 30 * SECOND_MS
/** shutting-down → terminated. */
export const TERMINATE_MS = 30 * SECOND_MS
/** Terminated instances are seen for up to an hour (AWS facts A.17). */
export const TERMINATED_VISIBLE_MS = HOUR_MS
/** running → both status checks `ok`: "some minutes after start" (AWS facts A.17). */
export const STATUS_CHECKS_MS = 2 * MINUTE_MS

/** An interface on its way to or from an instance. */
export const ATTACH_INTERFACE_MS = 2 * SECOND_MS
export const DETACH_INTERFACE_MS = 3 * SECOND_MS

/** A spot instance goes two minutes after it was warned (AWS facts A.17). */
export const SPOT_NOTICE_MS = 2 * MINUTE_MS

/** A replacement of the root volume: pending → in-progress → the new root is in place and the guest boots. */
export const ROOT_TASK_BEGIN_MS = 5 * SECOND_MS
export const ROOT_TASK_SWAP_MS = 20 * SECOND_MS

export const CREATE_VOLUME_MS = 3 * SECOND_MS
export const DELETE_VOLUME_MS = 2 * SECOND_MS
export const ATTACH_MS = 3 * SECOND_MS
export const DETACH_MS = 4 * SECOND_MS

/** What the smallest snapshot takes to complete. */
const SNAPSHOT_BASE_MS = 60 * SECOND_MS
/** EBS writes changed blocks to S3 at about this rate: 1 GiB of changes adds 1024 MiB ÷ 64 MiB/s = 16 s. */
const SNAPSHOT_BYTES_PER_SECOND = 64 * MIB
export const snapshotDelayMs = (changedBytes: number): number =>
  SNAPSHOT_BASE_MS + Math.ceil((changedBytes / SNAPSHOT_BYTES_PER_SECOND) * SECOND_MS)

/** Two snapshots of one volume are at least this far apart (AWS facts A.2). */
export const SNAPSHOT_INTERVAL_MS = 15 * SECOND_MS

/** modifying → optimizing: "seconds to minutes". */
export const MODIFY_VOLUME_MS = 10 * SECOND_MS
/** AWS documents up to 6 h of optimizing for 1 TiB: 6 h ÷ 1,024 GiB = 21 s a GiB. */
const OPTIMIZE_MS_PER_GIB = 21 * SECOND_MS
export const optimizeDelayMs = (sizeGiB: number): number => MINUTE_MS + sizeGiB * OPTIMIZE_MS_PER_GIB

/** What the smallest copy takes. */
const COPY_BASE_MS = 2 * MINUTE_MS
/** Copies are slower than snapshots, for their bytes cross Regions: 1 GiB adds 32 s. */
const COPY_BYTES_PER_SECOND = 32 * MIB
export const copyDelayMs = (bytes: number): number =>
  COPY_BASE_MS + Math.ceil((bytes / COPY_BYTES_PER_SECOND) * SECOND_MS)
