import { createHash, randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EBSClient } from '@aws-sdk/client-ebs'
import { CreateSnapshotCommand, CreateVolumeCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ebsSnapshotBlocks } from '../../aws/snapshot-blocks.ts'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { startAccount, type Account } from '../../local/account.ts'
import { copyDisk, type CopyResult } from '../../mover/copy-disk.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { restoreBlocks, restoreDisk } from '../../mover/read-disk.ts'
import { PART_BLOCKS } from '../../mover/sinks/block-sink.ts'
import { SnapshotSink } from '../../mover/sinks/snapshot-sink.ts'
import { SnapshotListing, SnapshotSource, type Since } from '../../mover/sources/snapshot-source.ts'
import { readCopy } from '../../mover/vault.ts'
import { makeVaultFolder, TAKEN_AT_MS, type VaultFolder } from './vault-folder.ts'

/** The EBS direct path of a copy: snapshots into a vault and back, without volume and instance (AWS facts B). */
const SIZE_BYTES = 1024 ** 3
const SETTLED_MS = 10 * 60_000

let account: Account
let ec2: EC2Client
let blocks: SnapshotBlocks
let folder: VaultFolder
let copyCount = 0

beforeAll(async () => {
  account = await startAccount()
  const { endpoint, region, credentials } = account
  ec2 = new EC2Client({ endpoint, region, credentials })
  blocks = ebsSnapshotBlocks(new EBSClient({ endpoint, region, credentials }))
})
afterAll(() => account.close())
beforeEach(async () => {
  folder = await makeVaultFolder()
  return () => folder[Symbol.dispose]()
})

const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

async function newVolume(): Promise<string> {
  const order = { AvailabilityZone: `${account.region}a`, Size: 1 }
  const { VolumeId = '' } = await call(() => ec2.send(new CreateVolumeCommand(order)))
  await account.clock.sleep(SETTLED_MS)
  return VolumeId
}

function write(volume: string, block: number, bytes: Uint8Array): void {
  const file = openSync(account.ec2.volumePath(volume), 'r+')
  writeSync(file, bytes, 0, bytes.length, block * BLOCK_BYTES)
  closeSync(file)
}

async function snapshotOf(VolumeId: string): Promise<string> {
  const { SnapshotId = '' } = await call(() => ec2.send(new CreateSnapshotCommand({ VolumeId })))
  await account.clock.sleep(SETTLED_MS)
  return SnapshotId
}

const noise = (): Buffer => randomBytes(BLOCK_BYTES)

/** As EBS would answer for a block whose content is its number. */
const digestOf = (block: number): Buffer => createHash('sha256').update(String(block)).digest()

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/** Copies a snapshot by the direct path, `blockCount` being what its progress counts with. */
function copy(snapshot: string, since?: Since): Promise<CopyResult> {
  const listing = new SnapshotListing(blocks, snapshot, 1, since)
  copyCount += 1
  return call(() =>
    copyDisk({
      vault: folder.vault,
      location: folder.location,
      disk: 'vol-1',
      source: new SnapshotSource(blocks, snapshot, SIZE_BYTES, listing),
      listing,
      sizeBytes: SIZE_BYTES,
      takenAtMs: TAKEN_AT_MS + copyCount * 1000,
      snapshots: { snapshotId: snapshot },
    }),
  )
}

function blockOf(path: string, block: number): Buffer {
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(BLOCK_BYTES)
  readSync(file, bytes, 0, BLOCK_BYTES, block * BLOCK_BYTES)
  closeSync(file)
  return bytes
}

/** These blocks of a copy are those of the volume; how many others it has, the test says by its manifest. */
async function expectRestored(name: string, volume: string, looked: readonly number[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'restored-'))
  const path = join(directory, 'disk')
  try {
    const manifest = await readCopy(folder.vault, name)
    await restoreDisk({ vault: folder.vault, location: folder.location, manifest, path })
    for (const block of looked)
      expect(blockOf(path, block).equals(blockOf(account.ec2.volumePath(volume), block))).toBe(true)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('copies what was ever written of a snapshot, and comes back byte for byte (B)', async () => {
  const volume = await newVolume()
  for (const block of [0, 7, 2047]) write(volume, block, noise())
  const { name, manifest } = await copy(await snapshotOf(volume))
  expect(manifest).toMatchObject({ mode: 'full', blockCount: 3, stats: { readBytes: 3 * BLOCK_BYTES } })
  await expectRestored(name, volume, [0, 7, 2047])
})

test('with an earlier copy reads the changed blocks alone; one that became zeros is zeros (B)', async () => {
  const volume = await newVolume()
  for (const block of [0, 7, 100]) write(volume, block, noise())
  const first = await snapshotOf(volume)
  const { name: earlier } = await copy(first)
  write(volume, 7, noise())
  write(volume, 100, Buffer.alloc(BLOCK_BYTES))
  write(volume, 1000, noise())
  const { name, manifest } = await copy(await snapshotOf(volume), { snapshot: first, copy: earlier })
  expect(manifest).toMatchObject({ mode: 'incremental', blockCount: 3, stats: { newBytes: 2 * BLOCK_BYTES } })
  await expectRestored(name, volume, [0, 7, 100, 1000, 2047])
})

test('stores a block again whose pack is to be deleted, although it is no change', async () => {
  const volume = await newVolume()
  for (const block of [0, 5]) write(volume, block, noise())
  const first = await snapshotOf(volume)
  const { name: earlier } = await copy(first)
  for await (const { name } of folder.vault.store.list('packs/'))
    await folder.vault.store.put(name.replace('packs/', 'tombstones/'), new Uint8Array())
  const { manifest } = await copy(await snapshotOf(volume), { snapshot: first, copy: earlier })
  expect(manifest.stats).toMatchObject({ newBytes: 2 * BLOCK_BYTES })
})

test('says that the lineage is broken where two snapshots have no common past (B)', async () => {
  const [one, other] = [await snapshotOf(await newVolume()), await snapshotOf(await newVolume())]
  await expect(copy(one, { snapshot: other, copy: (await copy(other)).name })).rejects.toMatchObject({
    name: 'LineageBroken',
  })
})

test('a snapshot has not changed since itself, which EBS is not asked', async () => {
  const unknown = 'snap-0123456789abcdef0'
  const listed = await call(() =>
    new SnapshotListing(blocks, unknown, 0, { snapshot: unknown, copy: 'x' }).between(0, 9),
  )
  expect(listed).toEqual([])
})

test('names a snapshot that is gone', async () => {
  await expect(copy('snap-0123456789abcdef0')).rejects.toMatchObject({
    name: 'SnapshotMissing',
    message: expect.stringContaining('snap-0123456789abcdef0'),
  })
})

test('writes a copy back as a snapshot, from which the same disk is made (B)', async () => {
  const volume = await newVolume()
  for (const block of [3, 2, 2047]) write(volume, block, noise())
  const { manifest } = await copy(await snapshotOf(volume))
  const snapshot = await call(async () => {
    const order = {
      sizeGiB: 1,
      description: 'vol-1',
      tags: {},
      encrypted: false,
      patienceMinutes: 60,
      clientToken: 'restore-1',
    }
    const started = await blocks.start(order)
    const sink = new SnapshotSink(blocks, started)
    await restoreBlocks({ vault: folder.vault, location: folder.location, manifest }, sink)
    await sink.complete()
    return started
  })
  await account.clock.sleep(SETTLED_MS)
  const shown = await call(() => ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshot] })))
  expect(shown.Snapshots?.[0]?.State).toBe('completed')
  const { manifest: again } = await copy(snapshot)
  expect(again.rootDigest).toBe(manifest.rootDigest)
})

test('needs no more memory for a disk of 16 TiB than for a small one, and completes the snapshot in the order of its blocks (B)', async () => {
  const blockCount = (16 * 1024 ** 4) / BLOCK_BYTES
  const written: number[] = []
  let completed: Parameters<SnapshotBlocks['complete']>[1] | undefined
  const sink = new SnapshotSink(
    {
      ...blocks,
      write: async (_, block) => digestOf(block),
      complete: async (_, { ...all }) => void (completed = all),
    },
    'snap-1',
  )
  collectGarbage()
  const before = process.memoryUsage()
  // Some of each part of the disk, backwards.
  for (let part = 0; part < blockCount; part += PART_BLOCKS)
    for (let block = part + PART_BLOCKS - 1; block >= part; block -= 601) {
      written.push(block)
      await sink.write(block, new Uint8Array())
    }
  await sink.flush()
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const grownBy = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers
  expect(grownBy - written.length * 8).toBeLessThan(4 * 1024 * 1024)
  await sink.complete()
  const hash = createHash('sha256')
  for (const block of written.toSorted((left, right) => left - right)) hash.update(digestOf(block))
  expect(completed).toEqual({ blockCount: written.length, sha256: hash.digest() })
})
