/** Script, in a process of its own because its memory is measured: a disk of 16 TiB with a block in each of its 512 windows. */
import { copyDisk } from '../../mover/copy-disk.ts'
import { packOrders } from '../../mover/blocks-of-copy.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { restoreBlocks } from '../../mover/read-disk.ts'
import type { BlockListing, BlockSource } from '../../mover/sources/block-source.ts'
import { readCopy } from '../../mover/vault.ts'
import { peakMiB } from '../../mover/peak-memory.ts'
import { MemoryStore } from './memory-store.ts'
import { makeVaultInMemory, TAKEN_AT_MS } from './vault-memory.ts'

export interface LargeDiskResult {
  readonly blockCount: number
  readonly restoredBlocks: number
  readonly peakMiB: number
}

const SIZE_BYTES = 16 * 1024 ** 4
const BLOCKS = SIZE_BYTES / BLOCK_BYTES
/** 512 blocks all over the disk. */
const STEP = 65_536

const source: BlockSource = {
  batchBlocks: 8,
  async read(firstBlock, count, into) {
    for (let place = 0; place < count; place += 1)
      into.fill(`block ${firstBlock + place} `, place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES)
    return count * BLOCK_BYTES
  },
  close: () => {},
}
const listing: BlockListing = {
  blockCount: BLOCKS / STEP,
  async between(firstBlock, endBlock) {
    const first = Math.ceil(firstBlock / STEP)
    return Array.from({ length: Math.ceil(endBlock / STEP) - first }, (_, index) => (first + index) * STEP)
  },
}

const memory = makeVaultInMemory(new MemoryStore())
const vault = memory.vaultOf(memory.store)
const location = { kind: 'folder', folder: '/nowhere' } as const
const { name } = await copyDisk({
  vault,
  location,
  source,
  listing,
  disk: 'vol-1',
  sizeBytes: SIZE_BYTES,
  takenAtMs: TAKEN_AT_MS,
})
const manifest = await readCopy(vault, name)
let blockCount = 0
for await (const { entries } of packOrders(vault, manifest)) blockCount += entries.length
let restoredBlocks = 0
const expected = Buffer.alloc(BLOCK_BYTES)
await restoreBlocks(
  { vault, location, manifest },
  {
    async write(block, bytes) {
      await source.read(block, 1, expected)
      if (expected.equals(bytes)) restoredBlocks += 1
    },
    flush: async () => {},
    close: () => {},
  },
)
const result: LargeDiskResult = {
  blockCount,
  restoredBlocks,
  peakMiB: peakMiB(),
}
console.log(JSON.stringify(result))
