/** Volumes, their attachments, and what changes of them (AWS facts A.12, A.14). */
import type { VolumeAttachmentState, VolumeState, VolumeType } from '@aws-sdk/client-ec2'
import type { Encryption } from '../keys.ts'
import type { Software } from '../images/model.ts'
import type { Instance } from '../instances/model.ts'
import type { Zone } from '../network/zones.ts'
import type { Resource } from '../resource.ts'

export interface Attachment {
  readonly volume: Volume
  readonly instance: Instance
  readonly device: string
  readonly attachedMs: number
  state: VolumeAttachmentState
  deleteOnTermination: boolean
  /** When the change under way (`attaching`, `detaching`) ends; absent while it is stuck. */
  dueMs?: number
  /** Why the volume's key cannot be had: the attaching will fail (AWS facts G). */
  keyProblem?: string
}

export interface Volume extends Resource, VolumePerformance {
  readonly zone: Zone
  readonly snapshotId?: string
  readonly encryption?: Encryption
  /** Its file is there once the volume was written, or somebody needs one. */
  readonly path: string
  /** Of the image that it goes back to. */
  readonly software?: Software
  /** Snapshots of one lineage can be compared block by block (AWS facts A.3, B). */
  readonly lineage: string
  /** Snapshots that the next one may be incremental to, the newest last; some may be gone. */
  readonly history: string[]
  readonly attachments: Attachment[]
  state: VolumeState
  /** When the state `creating` or `deleting` ends. */
  dueMs?: number
  /** Why its creation will fail, if it will. */
  fails?: VolumeFailure
  initialization?: Initialization
  modification?: VolumeModification
  autoEnableIo: boolean
  lastSnapshotMs?: number
  /** Snapshots not yet completed, deleted ones included (AWS facts A.2). */
  pendingSnapshots: number
}

/** Type and performance of a volume, checked against AWS facts A.12. ModifyVolume changes them. */
export interface VolumePerformance {
  type: VolumeType
  sizeGiB: number
  iops?: number
  /** MiB/s; gp3 alone. */
  throughput?: number
  multiAttach: boolean
}

/** A ModifyVolume, under way or the last one. */
export interface VolumeModification {
  readonly original: VolumePerformance
  readonly target: VolumePerformance
  readonly startedMs: number
  readonly optimizingMs: number
  readonly completedMs: number
}

/** How the blocks of a volume come from its snapshot (AWS facts A.12). */
export interface Initialization {
  /** MiB/s, where it was asked for. */
  readonly rate?: number
  readonly startMs: number
  readonly endMs: number
}

export interface VolumeFailure {
  readonly cause: string
  /** Whether the volume is gone afterwards, as after trouble with a key, or stays in state `error` (AWS facts A.12). */
  readonly vanishes: boolean
}
