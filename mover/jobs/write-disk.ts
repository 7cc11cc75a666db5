/** What a Lambda and a proxy have in common when a copy comes back: one disk of it, from its vault into a snapshot. */
import type { DiskWritten, RecoveryJob } from '../../core/contracts/jobs.ts'
import { isTandemError, TandemError } from '../../core/errors.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { restoreBlocks } from '../read-disk.ts'
import { SnapshotSink } from '../sinks/snapshot-sink.ts'
import { readCopy } from '../vault.ts'
import { locationOf, type DiskWork } from './copy-disk-job.ts'

/**
 * Writes the blocks that are not zeros, each opened and checked, and completes the snapshot with the digest of them all. May run
 * twice, or after a try that was killed: blocks are written again, and a snapshot that takes no more was completed by an earlier
 * try, for no other way leads there but EBS giving it up, which whoever waits for it sees.
 * @throws TandemError VaultDamaged before anything wrong is written; SnapshotMissing, AccessDenied, AwsUnavailable
 */
export async function writeDisk(
  place: RecoveryJob['vault'],
  { volume, copy, snapshot, sizeBytes }: RecoveryJob['disks'][number],
  { vault, blocks, onProgress }: DiskWork,
): Promise<DiskWritten> {
  const manifest = await readCopy(vault, copy)
  if (manifest.disk !== volume || manifest.sizeBytes !== sizeBytes)
    throw new TandemError(
      'VaultDamaged',
      `${copy} is a copy of ${manifest.disk} with ${manifest.sizeBytes} bytes, not of ${volume} with ${sizeBytes}.`,
    )
  const sink = new SnapshotSink(blocks, snapshot)
  try {
    await restoreBlocks({ vault, location: locationOf(place), manifest, ...(onProgress ? { onProgress } : {}) }, sink)
    await sink.complete()
  } catch (error) {
    if (!isTandemError(error, 'SnapshotSealed')) throw error
  }
  return { volume, snapshot, writtenBytes: manifest.blockCount * BLOCK_BYTES }
}
