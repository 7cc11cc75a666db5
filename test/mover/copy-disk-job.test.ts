import { beforeEach, describe, expect, test } from 'vitest'
import type { DiskToCopy } from '../../core/contracts/jobs.ts'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { copyDiskJob } from '../../mover/jobs/copy-disk-job.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { listCopies, readCopy } from '../../mover/vault.ts'
import { diskToCopy, memoryBlocks, memorySnapshot, type MemorySnapshot } from '../core/copying.ts'
import { NOW, snapshotOf, volumeOf } from '../core/samples.ts'
import { makeVaultInMemory, type VaultInMemory } from './vault-memory.ts'

/** One disk, from its snapshot into a vault by the EBS direct APIs, as both paths do it. */
const [FIRST, SECOND] = [snapshotOf(1), snapshotOf(2)]
const sizeBytes = 8 * BLOCK_BYTES
let memory: VaultInMemory
let snapshots: Map<string, MemorySnapshot>
let read: string[]

beforeEach(() => {
  memory = makeVaultInMemory()
  snapshots = new Map([
    [FIRST, memorySnapshot('root', { 0: 'a', 1: 'b', 5: 'c' })],
    [SECOND, memorySnapshot('root', { 0: 'a', 1: 'B', 5: 'c', 7: 'd' })],
  ])
  read = []
})

/** A block is full of its letter. */
const bytesOf = (content: string): Buffer => Buffer.alloc(BLOCK_BYTES, content)
function contentOf(snapshot: string): Buffer {
  const content = Buffer.alloc(sizeBytes)
  for (const [block, letter] of Object.entries(snapshots.get(snapshot)?.blocks ?? {}))
    content.set(bytesOf(letter), Number(block) * BLOCK_BYTES)
  return content
}

const blocks = (): Pick<SnapshotBlocks, 'list' | 'read'> => ({
  list: memoryBlocks(snapshots).list,
  async read(snapshot, { block, token }) {
    read.push(`${snapshot} ${block}`)
    return bytesOf(token)
  },
})

const vault = () => memory.vaultOf(memory.store)
const job = (takenAt: string, changes: Partial<DiskToCopy>) => ({
  vault: { bucket: 'vaults', prefix: 'main/' },
  takenAt,
  progress: 'progress/run/main/vol.json',
  disk: diskToCopy(1, { sizeBytes, ...changes }),
})
const copy = (takenAt: string, changes: Partial<DiskToCopy>) =>
  copyDiskJob(job(takenAt, changes), { vault: vault(), blocks: blocks() as SnapshotBlocks })

const first = () => copy(NOW, { blockCount: 3 })
const LATER = '2026-03-02T02:00:00.000Z'

describe('a copy of a disk', () => {
  test('without an earlier one reads what was written, and says what it made', async () => {
    const copied = await first()
    const figures = { mode: 'full', readBytes: 3 * BLOCK_BYTES, newBytes: 3 * BLOCK_BYTES }
    expect(copied).toMatchObject({ volume: volumeOf(1), ...figures })
    expect(read).toEqual([`${FIRST} 0`, `${FIRST} 1`, `${FIRST} 5`])
    expect(await memory.restore(copied.manifest)).toEqual(contentOf(FIRST))
    expect((await readCopy(vault(), copied.manifest)).source).toEqual({ snapshotId: FIRST })
  })

  test('since an earlier one reads what has changed, and is whole all the same', async () => {
    const { manifest: base } = await first()
    read = []
    const since = { snapshot: FIRST, copy: base }
    const changes = { snapshot: SECOND, blockCount: 2, diskCopyId: '2'.repeat(32), since }
    const copied = await copy(LATER, changes)
    expect(copied).toMatchObject({ mode: 'incremental', readBytes: 2 * BLOCK_BYTES })
    expect(read).toEqual([`${SECOND} 1`, `${SECOND} 7`])
    expect(await memory.restore(copied.manifest)).toEqual(contentOf(SECOND))
    const source = { snapshotId: SECOND, parentSnapshotId: FIRST }
    expect((await readCopy(vault(), copied.manifest)).source).toEqual(source)
  })

  test('that cannot be compared with earlier ones says so, and stores only what the vault does not have', async () => {
    await first()
    const changes = { snapshot: SECOND, blockCount: 4, diskCopyId: '2'.repeat(32), lineageBroken: true }
    const copied = await copy(LATER, changes)
    const figures = { readBytes: 4 * BLOCK_BYTES, newBytes: 2 * BLOCK_BYTES }
    expect(copied).toMatchObject({ mode: 'full-after-broken-lineage', ...figures })
  })

  test('that runs twice is made once, and answers the same without reading', async () => {
    const copied = await first()
    read = []
    expect(await first()).toEqual(copied)
    expect(read).toEqual([])
    expect(await listCopies(vault(), volumeOf(1))).toHaveLength(1)
  })

  test('whose snapshot is gone is no copy', async () => {
    await expect(copy(NOW, { snapshot: snapshotOf(9) })).rejects.toMatchObject({ name: 'SnapshotMissing' })
    expect(await listCopies(vault())).toEqual([])
  })
})
