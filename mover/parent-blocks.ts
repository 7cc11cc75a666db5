/** What an earlier copy of the disk says about its blocks. */
import { askEach } from '../core/at-once.ts'
import { MAPS_AT_ONCE, readMap } from './blocks-of-copy.ts'
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
  const startOf = (number: number): number => (number - firstSegment) * SEGMENT_BLOCKS
  const segments = parent.segments.filter(([number]) => startOf(number) >= 0 && startOf(number) < count)
  await askEach(segments, MAPS_AT_ONCE, async ([number, id]) => {
    const start = startOf(number)
    // A damaged map: then the disk is read.
    const entries = await readMap(vault, parent.disk, number, id).catch(ignoreDamage)
    if (!entries) addRange(lost, start, Math.min(start + SEGMENT_BLOCKS, count))
    /** Entries of one pack share its id. */
    const numbers = new Map<Buffer, number | undefined>()
    for (const entry of entries ?? []) {
      const { packId } = entry
      const at = start + entry.block
      if (at >= count) continue
      if (!numbers.has(packId)) numbers.set(packId, packs.numberOf(packId))
      const pack = numbers.get(packId)
      if (pack === undefined) lost.add(at)
      else window.setLocated(at, entry, entry, pack)
    }
  })
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
