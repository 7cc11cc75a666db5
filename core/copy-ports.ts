import type { CopyRecord, CopyState } from './contracts/copy-records.ts'
import type { DiskToWrite, ProgressReport, ProxyJob } from './contracts/jobs.ts'
import type { DeployedVault } from './contracts/policies.ts'
import type { PointIn } from './contracts/records.ts'
import type { Advance } from './ports.ts'
import type { Tags } from './tags.ts'

/** What copying needs of the world beside core/ports.ts: the same obligations hold. */

/** The catalog's records of copies. */
export interface Copies {
  copy(machine: string, id: CopyId): Promise<CopyRecord | undefined>
  /** Newest points first. */
  copies(machine: string): Promise<CopyRecord[]>
  /** Those that are not final, of every machine, oldest first. */
  openCopies(): AsyncIterable<readonly CopyRecord[]>
  /** Writes the record in the place of `replaced`, or where none is. `already` when the same run has written it. LostRace when another was faster. */
  startCopy(record: CopyRecord & { state: 'copying' }, replaced: CopyRecord | undefined): Promise<Advance>
  /** As `Catalog.advancePoint`. */
  advanceCopy(from: readonly CopyState[], to: CopyRecord): Promise<Advance>
}

/** What makes a copy the same copy. */
export type CopyId = Pick<CopyRecord, 'point' | 'vault'>

/** Vaults, as the workflow sees them. */
export interface Vaults {
  /** Throws VaultNotFound, VaultKeyWrong, VaultDamaged, AccessDenied. */
  open(place: DeployedVault): Promise<CopyVault>
  /** As `open`; the deployment's own is made when it is not there yet. */
  openOrMake(place: DeployedVault): Promise<CopyVault>
}

export interface CopyVault {
  /**
   * The newest copy of a disk as it was at that instant or before, and the snapshot that it holds, if it can be read; undefined
   * when there is none.
   */
  newest(disk: string, notAfter: string): Promise<{ readonly copy: string; readonly snapshot?: string } | undefined>
  /** Key of the manifest that a copy of this disk, instant and id has, and its figures; undefined while it is not committed. */
  committed(disk: string, takenAt: string, diskCopyId: string): Promise<CommittedDisk | undefined>
  /** What is missing or damaged of these copies, without reading all their data; empty when all is well. */
  faults(copies: readonly string[]): Promise<string[]>
  /**
   * The commit of a point: after it the point is in the vault, whole. Repeating it finds what the first did.
   * Returns the key of its manifest. Throws CopyNotFound, LostRace when it is there with other copies.
   */
  commit(point: PointIn<'complete'>, copies: readonly string[]): Promise<string>
  /** Committed points of a machine, oldest first. */
  points(machine: string): Promise<PointInVault[]>
  /** What a point is made of. Throws VaultDamaged also when a disk's manifest is not the one that was committed. */
  point(manifest: string): Promise<PointContent>
}

export interface PointInVault {
  /** Key of its manifest. */
  readonly manifest: string
  readonly point: string
  readonly capturedAt: string
}

export interface PointContent {
  readonly capturedAt: string
  readonly disks: readonly DiskToWrite[]
  /** What `commit` wrote of the point, not yet parsed: another program may have written it. */
  readonly machineConfiguration: unknown
}

export interface CommittedDisk {
  readonly manifest: string
  readonly readBytes: number
  readonly newBytes: number
  readonly storedBytes: number
}

/** Objects that workers and workflow hand each other. */
export interface WorkerPost {
  putJob(key: string, job: ProxyJob): Promise<void>
  job(key: string): Promise<ProxyJob>
  putProgress(key: string, progress: ProgressReport): Promise<void>
  /** undefined: nothing has been told yet. */
  progress(key: string): Promise<ProgressReport | undefined>
}

export interface NewProxy {
  readonly clientToken: string
  readonly instanceType: string
  readonly spot: boolean
  /** Where its disks are; any without it. */
  readonly availabilityZone?: string
  /** Key of its job in the reports bucket. */
  readonly job: string
  readonly disks: readonly { readonly device: string; readonly snapshot: string }[]
  /** After so many minutes it ends itself, whatever it does. */
  readonly deadlineMinutes: number
  readonly tags: Tags
}

export interface ObservedProxy {
  readonly instance: string
  readonly state: 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated'
  readonly stateReason?: string
}

export interface ProxyLauncher {
  /** Its instance id; the same token launches the same instance. Throws NoCapacity, QuotaExceeded, AccessDenied, SnapshotMissing. */
  ensureLaunched(proxy: NewProxy): Promise<string>
}

export interface Proxies {
  /** undefined: EC2 does not know it (any more). */
  observe(instance: string): Promise<ObservedProxy | undefined>
  /** Those that carry all these tags and have not ended. */
  tagged(tags: Tags): Promise<ObservedProxy[]>
  /** Gone is done. */
  ensureTerminated(instance: string): Promise<void>
}

/** A page of a snapshot's blocks, ascending. */
export interface BlockPage {
  readonly blocks: readonly ListedBlock[]
  /** Whether there is more after the last of these blocks; a page that is empty may be followed by others (AWS facts B). */
  readonly isLast: boolean
}

export interface ListedBlock {
  /** Counted from the disk's start, 512 KiB each. */
  readonly block: number
  /** With which it is read, for seven days. Absent: it was there and is zeros now. */
  readonly token?: string
}

/** A snapshot that is to be written block by block. */
export interface NewSnapshot {
  readonly sizeGiB: number
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  /** ARN, id or alias of the KMS key; without it the Region's default decides. */
  readonly kmsKey?: string
  readonly encrypted: boolean
  /** EBS gives it up when no block has come for so long. */
  readonly patienceMinutes: number
  /** The same token starts the same snapshot. */
  readonly clientToken: string
}

/** Blocks of snapshots, read and written without any volume (AWS facts B). */
export interface SnapshotBlocks {
  /**
   * The blocks of a snapshot that were ever written, from `fromBlock` on; with `since` those that differ from that earlier snapshot.
   * Throws SnapshotMissing, LineageBroken when the two are not of one lineage, AccessDenied.
   */
  list(snapshot: string, options: { readonly since?: string; readonly fromBlock: number }): AsyncIterable<BlockPage>
  /** One block, its checksum checked; the bytes are the caller's alone. Throws SnapshotMissing, DiskUnreadable when what came is not what was sent. */
  read(snapshot: string, listed: Required<ListedBlock>): Promise<Uint8Array>
  start(snapshot: NewSnapshot): Promise<string>
  /** May be repeated. Returns the SHA-256 of the block. Throws SnapshotSealed when the snapshot takes no more blocks. */
  write(snapshot: string, block: number, bytes: Uint8Array): Promise<Uint8Array>
  /** Throws SnapshotSealed when that was done before. @param sha256 over the SHA-256 of every block that was written, in the order of the blocks */
  complete(snapshot: string, written: { readonly blockCount: number; readonly sha256: Uint8Array }): Promise<void>
}
