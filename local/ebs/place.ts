/** What the EBS direct APIs of one place work on. */
import type { Clock } from '../clock.ts'
import type { DirectSnapshots } from '../ec2/snapshots/direct-snapshots.ts'
import type { Tokens } from './tokens.ts'

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
