import { createSecretKey, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { blockCheck, blockId, vaultKeys } from '../../mover/format/keys.ts'
import { PackWriter } from '../../mover/format/pack.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { packBlock } from '../../mover/format/zstd.ts'
import { ReadWorker } from '../../mover/pipeline/read-worker.ts'
import { MemoryStore } from './memory-store.ts'
import { image, makeVaultFolder } from './vault-folder.ts'

const keys = vaultKeys(randomBytes(32), randomBytes(16))

it('is the tag that AES-256-GCM gives', () => {
  // Test case 13 of McGrew and Viega, "The Galois/Counter Mode of Operation": key and nonce of zeros, nothing else.
  const zeroKey = createSecretKey(Buffer.alloc(32))
  expect(blockCheck({ ...keys, checkKey: zeroKey }, Buffer.alloc(0)).toString('hex')).toBe(
    '530f8afbc74536b9a963b4f1c4cb738b',
  )
})

it('is another one for a block that differs in a bit, wherever it is', () => {
  const block = randomBytes(BLOCK_BYTES)
  const check = blockCheck(keys, block)
  expect(blockCheck(keys, Buffer.from(block))).toEqual(check)
  for (const at of [0, 1, 15, 16, 4_095, 262_144, BLOCK_BYTES - 1]) {
    const changed = Buffer.from(block)
    changed[at] = (changed[at] ?? 0) ^ 0x80
    expect(blockCheck(keys, changed)).not.toEqual(check)
  }
})

it('lets a copy without a list take over what the copy before it has, though the index be lost', async () => {
  using folder = await makeVaultFolder()
  const content = image('AB#.D')
  await folder.copy(content)
  for (const kind of ['index', 'packs'])
    for (const name of readdirSync(join(folder.folder, kind))) {
      const path = join(folder.folder, kind, name)
      const bytes = readFileSync(path)
      // What makes blocks known by their ids: index parts, and the footers of packs.
      bytes.fill(0, bytes.length - 8)
      writeFileSync(path, bytes)
    }
  const changed = Buffer.concat([image('Z'), content.subarray(BLOCK_BYTES)])
  const { manifest } = await folder.copy(changed)
  expect(manifest.stats).toMatchObject({ newBytes: BLOCK_BYTES, knownBytes: 3 * BLOCK_BYTES, zeroBytes: BLOCK_BYTES })
})

it('finds a record that opens, and is not the block that the map means', async () => {
  const masterKey = randomBytes(32)
  const vaultId = randomBytes(16)
  const its = vaultKeys(masterKey, vaultId)
  const [meant, other] = [image('A'), image('B')]
  const store = new MemoryStore()
  const writer = await PackWriter.begin(its, store)
  const id = blockId(its, meant)
  const place = await writer.add(id, packBlock(other))
  await writer.finish()
  const sums = new SharedArrayBuffer(1024)
  const setup = { task: 'read', masterKey, vaultId, disk: 'vol-1', sizeBytes: BLOCK_BYTES, sums } as const
  const worker = new ReadWorker({ ...setup, location: { kind: 'folder', folder: '/nowhere' } }, store, () => {})
  const read = (check: Buffer): Promise<void> =>
    worker.work({ kind: 'pack', packId: writer.packId, entries: [{ ...place, block: 0, id, check }] })
  await read(blockCheck(its, other))
  await expect(read(blockCheck(its, meant))).rejects.toThrow(/is not what was written \(record 0\): block 0 of vol-1/)
})
