/** What a Lambda of the direct path and a proxy have in common: one disk of a point, from its snapshot into a vault. */
import type { DiskCopied, DiskJob } from '../../core/contracts/jobs.ts'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { copyDisk } from '../copy-disk.ts'
import type { OnProgress } from '../progress.ts'
import { SnapshotListing, SnapshotSource } from '../sources/snapshot-source.ts'
import type { VaultLocation } from '../stores/location.ts'
import type { Vault } from '../vault.ts'

/** What work on a disk is done with. */
export interface DiskWork {
  readonly vault: Vault
  readonly blocks: SnapshotBlocks
  readonly onProgress?: OnProgress
}

export interface CopyWork extends DiskWork {
  /** Device that holds the snapshot's content; without it the EBS direct APIs read it. */
  readonly device?: string
}

export const locationOf = ({ bucket, prefix }: DiskJob['vault']): VaultLocation => ({ kind: 'bucket', bucket, prefix })

/**
 * Copies the blocks that the plan counted. May run twice, or after a try that was killed: the same manifest comes of it.
 * @throws TandemError SnapshotMissing, LineageBroken, DiskUnreadable, VaultDamaged, LostRace, AccessDenied, AwsUnavailable
 */
export async function copyDiskJob(
  { vault: place, disk, takenAt }: DiskJob,
  { vault, blocks, device, onProgress }: CopyWork,
): Promise<DiskCopied> {
  const { volume, snapshot, sizeBytes, since } = disk
  const listing = new SnapshotListing(blocks, snapshot, disk.blockCount, since)
  const { name, manifest } = await copyDisk({
    vault,
    location: locationOf(place),
    source: device ?? new SnapshotSource(blocks, snapshot, sizeBytes, listing),
    listing,
    sizeBytes,
    disk: volume,
    takenAtMs: Date.parse(takenAt),
    copyId: Buffer.from(disk.diskCopyId, 'hex'),
    snapshots: { snapshotId: snapshot, ...(since ? { parentSnapshotId: since.snapshot } : {}) },
    lineageBroken: disk.lineageBroken,
    ...(onProgress ? { onProgress } : {}),
  })
  const { readBytes, newBytes, storedBytes } = manifest.stats
  return { volume, manifest: name, mode: manifest.mode, readBytes, newBytes, storedBytes }
}
