/** What belongs to volumes and snapshots, and what EBS needs to know of keys and its Region. */
import type { LockMode, SnapshotBlockPublicAccessState, VolumeType } from '@aws-sdk/client-ec2'

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

export interface Encryption {
  readonly kmsKeyId: string
  /** Changes where the lineage of blocks breaks (AWS facts A.4). */
  readonly dataKeyId: string
}

export interface VolumeFailure {
  readonly cause: string
  /** Whether the volume is gone afterwards, as after trouble with a key, or stays in state `error` (AWS facts A.12). */
  readonly vanishes: boolean
}

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

/** Settings of EBS for the whole Region. */
export interface EbsSettings {
  encryptsByDefault: boolean
  /** ARN; absent: AWS's own key, `aws/ebs`. */
  defaultKeyId?: string
  blockPublicAccess: SnapshotBlockPublicAccessState
}

/** The Key Management Service, as EBS uses it (AWS facts G). */
export interface Keys {
  /** The key of this id, ARN, alias or alias ARN, as this account sees it. */
  find(name: string): KeyView | undefined
  managedKey(alias: string): KeyView
}

/** A key as EBS sees it. */
export interface KeyView {
  readonly arn: string
  readonly manager: 'AWS' | 'CUSTOMER'
  readonly state: string
}
