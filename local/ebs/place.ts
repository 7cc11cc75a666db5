/** What the EBS direct APIs of one place work on. */
import type { Clock } from '../clock.ts'
import type { Caller } from '../wire/service.ts'
import type { Tokens } from './tokens.ts'

export const BLOCK_BYTES = 512 * 1024

export interface DirectSnapshot {
  readonly id: string
  readonly ownerId: string
  readonly state: string
  readonly sizeGiB: number
  readonly createdMs: number
  readonly description: string
  readonly parentId?: string
  readonly kmsKeyId?: string
  readonly tags: ReadonlyMap<string, string>
  readonly isPublic: boolean
}

interface ChangedBlock {
  readonly index: number
  readonly inFirst: boolean
  readonly inSecond: boolean
}

interface NewSnapshot {
  readonly sizeGiB: number
  readonly parentId?: string
  readonly description: string
  readonly tags: ReadonlyMap<string, string>
  readonly Encrypted?: boolean
  readonly KmsKeyId?: string
}

/** Whoever keeps the snapshots: EC2 of the same place. */
export interface DirectSnapshots {
  /** An own snapshot, or one that is shared with this account. */
  find(id: string): DirectSnapshot | undefined
  /** Whether their blocks can be compared (AWS facts A.3). */
  areRelated(firstId: string, secondId: string): boolean
  /** Ascending indexes of the blocks that hold anything but zeros. */
  blocks(id: string): Promise<Uint32Array>
  /** Ascending. */
  changedBlocks(firstId: string, secondId: string): Promise<Iterable<ChangedBlock>>
  readBlock(id: string, index: number): Promise<Uint8Array>
  readonly encryptsByDefault: boolean
  /** State of a key, if there is one. */
  keyState(keyId: string): string | undefined
  /** A pending snapshot that holds what its parent holds, to write blocks into. */
  start(wanted: NewSnapshot, caller: Caller): Promise<DirectSnapshot>
  writeBlock(id: string, index: number, block: Uint8Array): Promise<void>
  /** Nothing is written any more: the snapshot completes in its time. */
  complete(id: string): void
  /** Nothing more came: the snapshot ends in error. */
  fail(id: string, why: string): void
}

/** A StartSnapshot that is not completed yet. */
export interface Upload {
  readonly snapshotId: string
  readonly timeoutMs: number
  lastMs: number
  /** Base64 SHA-256 of the blocks written, by index. */
  readonly written: Map<number, string>
}

/** What the direct APIs remember: plain data, saved as it is. */
export interface EbsState {
  readonly secret: Uint8Array
  readonly uploads: Map<string, Upload>
  /** What each client token started. */
  readonly started: Map<string, { readonly request: string; readonly snapshotId: string }>
}

export interface EbsPlace {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly snapshots: DirectSnapshots
  readonly tokens: Tokens
  readonly state: EbsState
  /** Takes one from the rate of a snapshot's blocks. @throws AwsError RequestThrottledException */
  readonly limitRate: (snapshotId: string) => void
}
