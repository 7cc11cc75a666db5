/** Snapshots, sets and captures of them, and where copies come from (AWS facts A.1 to A.7). */
import type { LockMode, SnapshotState } from '@aws-sdk/client-ec2'
import type { Encryption } from '../keys.ts'
import type { Software } from '../images/model.ts'
import type { Resource } from '../resource.ts'
import type { Volume } from '../volumes/model.ts'

export interface Snapshot extends Resource {
  readonly ownerId: string
  readonly volumeId: string
  readonly sizeGiB: number
  readonly description: string
  readonly encryption?: Encryption
  /** Its file is there once it holds anything but zeros. */
  readonly path: string
  readonly lineage: string
  /** The snapshot that it is incremental to. */
  readonly parentId?: string
  readonly copyOf?: CopyOrigin
  state: SnapshotState
  stateMessage?: string
  /** When it will be, or was, completed; unknown until its blocks have been compared. */
  completesMs?: number
  /** Of the blocks that it holds. */
  fullBytes: number
  /** Deleted while pending: it goes as soon as it is completed (AWS facts A.7). */
  deleted: boolean
  /** The image that came with it, by the host's doing. */
  readonly imageId?: string
  /** Of the image that it goes back to. */
  readonly software?: Software
  /** Account ids that may use it, or `all`. */
  readonly sharedWith: Set<string>
  lock?: SnapshotLock
}

/** Snapshots that end together: `notifies` for those of a CreateSnapshots. */
export interface SnapshotSet {
  readonly members: readonly Snapshot[]
  readonly notifies: boolean
}

/** A snapshot on its way to `completed`. */
export interface PendingSnapshot {
  readonly snapshot: Snapshot
  /** The volume whose slot it takes. */
  readonly volume?: Volume
  readonly set: SnapshotSet
  /** Why it will end in error, if it will. */
  readonly failure?: string
}

interface CaptureMember {
  readonly snapshotId: string
  readonly volumeId: string
  readonly path: string
}

export interface Capture {
  readonly instanceId?: string
  readonly snapshots: CaptureMember[]
  readonly atMs: number
}

export type CaptureObserver = (capture: Capture) => void

export interface SnapshotLock {
  readonly mode: LockMode
  readonly createdMs: number
  /** Days, as given or as the expiration date comes to. */
  readonly durationDays: number
  readonly coolOffHours?: number
  readonly coolOffEndsMs?: number
  /** When the duration began: the locking, or the snapshot's completion if that is later. */
  startsMs?: number
  expiresMs?: number
}

/** Where a copy comes from, and how. */
export interface CopyOrigin {
  readonly snapshotId: string
  readonly region: string
  readonly accountId: string
  readonly lineage: string
  readonly isIncremental: boolean
  readonly timeBased?: TimeBased
}

/** A copy that is to be there in time, and the throughput that it got for it (AWS facts A.6). */
interface TimeBased {
  readonly minutes: number
  /** MiB/s. */
  readonly rate: number
}
