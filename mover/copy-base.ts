/** What a copy compares its disk with. */
import { isTandemError } from '../core/errors.ts'
import type { DiskCopy } from './copy-disk.ts'
import type { DiskManifest } from './format/manifest.ts'
import { changesOf } from './parent-blocks.ts'
import type { BlockListing } from './sources/block-source.ts'
import { listCopies, readCopy } from './vault.ts'

export interface CopyBase {
  /** Id of the newest copy of the disk. */
  readonly previous?: string | undefined
  /** The copy whose blocks are taken over. */
  readonly parent?: DiskManifest | undefined
  /** What has to be read; everything without it. */
  readonly listing?: BlockListing | undefined
}

/** If the newest copy of the disk cannot be read, it is compared with nothing: then all of the disk is read. */
export async function findBase({
  vault,
  disk,
  listing,
  changedBlocks,
}: Pick<DiskCopy, 'vault' | 'disk' | 'listing' | 'changedBlocks'>): Promise<CopyBase> {
  const newest = (await listCopies(vault, disk)).at(-1)
  const previous = newest?.copyId
  // Who lists changes since a copy knows nothing of the rest of the disk.
  if (listing)
    return { previous, listing, parent: listing.since === undefined ? undefined : await readCopy(vault, listing.since) }
  try {
    const parent = newest && (await readCopy(vault, newest.name))
    return { previous, parent, listing: changedBlocks && parent && changesOf(changedBlocks, parent) }
  } catch (error) {
    if (isTandemError(error, 'VaultDamaged')) return { previous }
    throw error
  }
}
