/** What an earlier copy of the disk says about its blocks. */
import { readMap } from './blocks-of-copy.ts'
import { ignoreDamage } from './damage.ts'
import type { DiskManifest } from './format/manifest.ts'
import { BLOCK_BYTES, SEGMENT_BLOCKS } from './format/parameters.ts'
import { WINDOW_BLOCKS, WINDOW_SEGMENTS, type DiskWindow } from './pipeline/disk-window.ts'
import type { PacksOfRun } from './pipeline/packs-of-run.ts'
import type { BlockListing } from './sources/block-source.ts'
import type { Vault } from './vault.ts'

/** Blocks of the disk: `count` from `firstBlock` on, which begins a window. */
export interface WindowRange {
  readonly firstBlock: number
  readonly count: number
}

/**
 * Puts the parent's blocks into the window. Returns blocks, counted from the window's first, that have to be read whatever a list of changes says:
 * the parent's map of them cannot be read, or their packs must not be used any more.
 */
export async function takeFromParent(
  vault: Vault,
  parent: DiskManifest,
  window: DiskWindow,
  { firstBlock, count }: WindowRange,
  packs: PacksOfRun,
): Promise<Set<number>> {
  const lost = new Set<number>()
  const firstSegment = (firstBlock / WINDOW_BLOCKS) * WINDOW_SEGMENTS
  for (const [number, id] of parent.segments) {
    const start = (number - firstSegment) * SEGMENT_BLOCKS
    if (start < 0 || start >= count) continue
    // A damaged map: then the disk is read.
    const entries = await readMap(vault, parent.disk, number, id).catch(ignoreDamage)
    if (!entries) addRange(lost, start, Math.min(start + SEGMENT_BLOCKS, count))
    for (const { block, packId, ...entry } of entries ?? []) {
      const at = start + block
      if (at >= count) continue
      const pack = packs.numberOf(packId)
      if (pack === undefined) lost.add(at)
      else window.setLocated(at, entry, { ...entry, pack })
    }
  }
  return lost
}

/** Listed changes, and all that the disk has grown by: from the parent's last block on, if that was not a whole one. */
export function changesOf(changedBlocks: readonly number[], { sizeBytes }: DiskManifest): BlockListing {
  const grown = Math.floor(sizeBytes / BLOCK_BYTES)
  /** How many changed blocks come before this one. */
  const placeOf = (block: number): number => {
    let [low, high] = [0, changedBlocks.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((changedBlocks[middle] ?? 0) < block) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    blockCount: changedBlocks.length,
    async between(firstBlock, endBlock) {
      const blocks = new Set(changedBlocks.slice(placeOf(firstBlock), placeOf(endBlock)))
      addRange(blocks, Math.max(grown, firstBlock), endBlock)
      return [...blocks].toSorted((left, right) => left - right)
    },
  }
}

function addRange(blocks: Set<number>, from: number, to: number): void {
  for (let block = from; block < to; block += 1) blocks.add(block)
}
