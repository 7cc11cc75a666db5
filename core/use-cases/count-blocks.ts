import { BLOCK_BYTES } from '../block-size.ts'
import { DIRECT_BLOCKS_MAX } from '../copy-plan.ts'
import type { SnapshotBlocks } from '../copy-ports.ts'
import { isTandemError } from '../errors.ts'

export interface CountedBlocks {
  /** Exact up to what a Lambda could read of one disk; beyond it all of the disk, for nobody needs to know more exactly. */
  readonly blockCount: number
  /** The snapshot could be compared with the earlier one. */
  readonly isComparable: boolean
}

/**
 * How many blocks of a snapshot a copy has to read.
 *
 * @param since snapshot of the newest copy; one that is gone, or of another lineage, cannot be compared with
 */
export async function countBlocks(
  blocks: Pick<SnapshotBlocks, 'list'>,
  snapshot: string,
  sizeBytes: number,
  since?: string,
): Promise<CountedBlocks> {
  if (since !== undefined)
    try {
      return { blockCount: await count(blocks, snapshot, sizeBytes, since), isComparable: true }
    } catch (error) {
      if (!isTandemError(error, 'LineageBroken', 'SnapshotMissing')) throw error
    }
  // Of a snapshot that itself is missing this tells.
  return { blockCount: await count(blocks, snapshot, sizeBytes), isComparable: false }
}

async function count(
  blocks: Pick<SnapshotBlocks, 'list'>,
  snapshot: string,
  sizeBytes: number,
  since?: string,
): Promise<number> {
  let blockCount = 0
  for await (const page of blocks.list(snapshot, { fromBlock: 0, ...(since === undefined ? {} : { since }) })) {
    blockCount += page.blocks.length
    if (blockCount > DIRECT_BLOCKS_MAX) return Math.ceil(sizeBytes / BLOCK_BYTES)
  }
  return blockCount
}
