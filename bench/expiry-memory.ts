/**
 * What an expiry holds in memory for each block that copies need: `node --expose-gc bench/expiry-memory.ts [packs] [records per pack]`.
 * The vault is synthetic: segments that name packs, and nothing in the packs.
 */
import { randomBytes } from 'node:crypto'
import type { StoredObject, VaultStore } from '../core/vault-store.ts'
import { sealObject, segmentId } from '../mover/format/envelope.ts'
import { vaultKeys, type VaultKeys } from '../mover/format/keys.ts'
import { rootDigest, writeManifest } from '../mover/format/manifest.ts'
import { manifestName, mapName, packName, PREFIX } from '../mover/format/names.ts'
import { BLOCK_BYTES, CHECK_BYTES, ID_BYTES, PACK_ID_BYTES, SEGMENT_BLOCKS } from '../mover/format/parameters.ts'
import { writeSegment, type SegmentEntry } from '../mover/format/segment.ts'
import { takeInventory } from '../mover/expiry/inventory.ts'
import { markLive } from '../mover/expiry/live-records.ts'

/** Objects are made when they are read: what is measured is the reader. */
class SyntheticStore implements VaultStore {
  readonly url = 'synthetic:'
  readonly objects = new Map<string, () => Buffer>()

  put = (): never => this.#no()
  draft = (): never => this.#no()
  range = (): never => this.#no()
  tail = (): never => this.#no()
  remove = (): never => this.#no()
  removeUnfinished = (): never => this.#no()

  async get(name: string): Promise<Buffer | undefined> {
    return this.objects.get(name)?.()
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    for (const name of this.objects.keys())
      if (name.startsWith(prefix)) yield { name, sizeBytes: 2 ** 24, writtenMs: 1_700_000_000_000.5 }
  }

  #no(): never {
    throw new Error('The expiry was to read only.')
  }
}

/** Blocks of a disk one after the other, in packs one after the other, all in one copy. */
function fill(store: SyntheticStore, keys: VaultKeys, packCount: number, recordCount: number): number {
  const blockCount = packCount * recordCount
  const packIds = Array.from({ length: packCount }, () => randomBytes(PACK_ID_BYTES))
  for (const id of packIds) store.objects.set(packName(id), () => Buffer.of())
  const segments: [number, string][] = []
  for (let first = 0; first < blockCount; first += SEGMENT_BLOCKS) {
    const entries: SegmentEntry[] = []
    for (let number = first; number < Math.min(first + SEGMENT_BLOCKS, blockCount); number += 1) {
      const ordinal = number % recordCount
      entries.push({
        block: number - first,
        packId: packIds[Math.floor(number / recordCount)] ?? Buffer.of(),
        ordinal,
        offset: 26 + ordinal * 100_000,
        length: 100_000,
        id: randomBytes(ID_BYTES),
        check: randomBytes(CHECK_BYTES),
      })
    }
    const plaintext = writeSegment(entries)
    const id = segmentId(keys, plaintext)
    const sealed = sealObject(keys, mapName(id), plaintext, id)
    store.objects.set(mapName(id), () => sealed)
    segments.push([segments.length, id.toString('hex')])
  }
  const copyId = randomBytes(16)
  const name = manifestName('vol-1', 0, copyId)
  const stats = { readBytes: 0, zeroBytes: 0, knownBytes: 0, newBytes: 0, storedBytes: 0 }
  const manifest = writeManifest({
    version: 1,
    disk: 'vol-1',
    copyId: copyId.toString('hex'),
    takenAt: new Date(0).toISOString(),
    sizeBytes: blockCount * BLOCK_BYTES,
    segments,
    blockCount,
    mode: 'full',
    rootDigest: rootDigest(segments),
    stats,
  })
  store.objects.set(name, () => sealObject(keys, name, manifest))
  return blockCount
}

const inUse = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const [packCount = 10_000, recordCount = 100] = process.argv.slice(2).map(Number)
const masterKey = randomBytes(32)
const keys = vaultKeys(masterKey, randomBytes(16))
const store = new SyntheticStore()
const blockCount = fill(store, keys, packCount, recordCount)
const vault = { store, keys, masterKey }
const before = inUse()
const inventory = await takeInventory(vault)
const segments = await markLive(vault, inventory)
const bytes = inUse() - before
console.log(
  `${blockCount} live blocks in ${packCount} packs below ${PREFIX.packs}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${(bytes / blockCount).toFixed(2)} bytes a block (${segments.size} segments, table ${inventory.packs.byteLength})`,
)
