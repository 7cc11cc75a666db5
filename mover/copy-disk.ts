/** Copies a disk into a vault (docs/vault-format.md, section 7). May be killed at any moment and run again. */
import { randomBytes } from 'node:crypto'
import { TandemError } from '../core/errors.ts'
import { writeIndexPart, type IndexedPack } from './format/index-part.ts'
import { segmentId } from './format/envelope.ts'
import { rootDigest, writeManifest, type CopyStats, type DiskManifest } from './format/manifest.ts'
import { indexName, manifestName, mapName } from './format/names.ts'
import { BLOCK_BYTES, blockCountOf, PACK_ID_BYTES, SEGMENT_BLOCKS } from './format/parameters.ts'
import { readSegment, writeSegment, type SegmentEntry } from './format/segment.ts'
import { DiskWindow, WINDOW_BLOCKS, WINDOW_SEGMENTS } from './pipeline/disk-window.ts'
import { KnownBlocks } from './pipeline/known-blocks.ts'
import { estimateBlocks, knownPacks, readTombstones } from './pipeline/known-packs.ts'
import { COUNTER, SUM, type CopySetup, type Report } from './pipeline/protocol.ts'
import { startCrew, type Crew } from './pipeline/crew.ts'
import { reportProgress, type OnProgress } from './progress.ts'
import type { BlockListing, BlockSource } from './sources/block-source.ts'
import type { VaultLocation } from './stores/location.ts'
import { listCopies, readCopy, readObject, writeObject, type Vault } from './vault.ts'

export interface DiskCopy {
  readonly vault: Vault
  readonly location: VaultLocation
  /** Path of a block device or file; or an open source, which keeps the work in this thread and is closed at its end. */
  readonly source: string | BlockSource
  readonly sizeBytes: number
  /** Its name in the vault. */
  readonly disk: string
  readonly takenAtMs: number
  /** Blocks that differ from the newest copy, ascending. Absent: all are read. */
  readonly changedBlocks?: readonly number[]
  /** In the place of `changedBlocks`, for whoever knows which copy the changes are since. */
  readonly listing?: BlockListing
  /** Where the disk's content is from, for the manifest. */
  readonly snapshots?: DiskManifest['source']
  /** The disk has been copied before, and the snapshots have no common past any more. */
  readonly lineageBroken?: boolean
  readonly bytesPerSecond?: number
  /** As many as there are cores unless told. */
  readonly threadCount?: number
  readonly onProgress?: OnProgress
}

export interface CopyResult {
  /** Key of the manifest. */
  readonly name: string
  readonly manifest: DiskManifest
}

/** Packs of one index part: some 250 KiB of entries. */
const PACKS_PER_PART = 64
/** How often a copy starts anew because expiry took packs away from under it. */
const TRIES = 3

/** @throws TandemError VaultDamaged, DiskUnreadable, AccessDenied, AwsUnavailable, DiskUnwritable */
export async function copyDisk(copy: DiskCopy): Promise<CopyResult> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await new CopyRun(copy).run()
    if (result) return result
    if (attempt === TRIES)
      throw new TandemError(
        'LostRace',
        `Expiry took blocks away from the copy of ${copy.disk} ${TRIES} times. Run it again.`,
      )
  }
}

/** What a copy begins with: an earlier one, and which blocks have to be read. */
interface Base {
  readonly parent: DiskManifest | undefined
  readonly listing: BlockListing | undefined
}

/** Listed changes, and all that the disk has grown by. */
function changesOf(changedBlocks: readonly number[], { sizeBytes }: DiskManifest): BlockListing {
  const grown = blockCountOf(sizeBytes)
  return {
    blockCount: changedBlocks.length,
    async between(firstBlock, endBlock) {
      const blocks = changedBlocks.filter((block) => block >= firstBlock && block < endBlock)
      for (let block = Math.max(grown, firstBlock); block < endBlock; block += 1) blocks.push(block)
      return blocks
    },
  }
}

class CopyRun {
  readonly #copy: DiskCopy
  readonly #packIds: Buffer[] = []
  readonly #packNumbers = new Map<string, number>()
  readonly #counters = new SharedArrayBuffer(COUNTER.size * 4)
  readonly #sums = new SharedArrayBuffer(SUM.size * 8)
  readonly #unindexed: IndexedPack[] = []
  readonly #used = new Set<string>()
  #tombstones: ReadonlySet<string> = new Set()
  #blockCount = 0

  constructor(copy: DiskCopy) {
    this.#copy = copy
  }

  /** undefined: a pack that the copy uses is about to be deleted. */
  async run(): Promise<CopyResult | undefined> {
    const { vault, disk, sizeBytes, changedBlocks, onProgress } = this.#copy
    this.#tombstones = await readTombstones(vault)
    const previous = (await listCopies(vault, disk)).at(-1)
    const since = this.#copy.listing ? this.#copy.listing.since : previous?.name
    const parent = since === undefined ? undefined : await readCopy(vault, since)
    const listing = this.#copy.listing ?? (changedBlocks && parent && changesOf(changedBlocks, parent))
    const blockCount = blockCountOf(sizeBytes)
    const memory = {
      known: KnownBlocks.memory(blockCount + (await estimateBlocks(vault))),
      window: DiskWindow.memory(blockCount),
    }
    const known = new KnownBlocks(memory.known)
    await this.#learn(known)
    const total = listing ? listing.blockCount * BLOCK_BYTES : sizeBytes
    const stop = reportProgress(total, () => this.#sum(SUM.read), onProgress)
    const crew = startCrew(this.#setup(memory), {
      blockCount: listing?.blockCount ?? blockCount,
      threadCount: typeof this.#copy.source === 'string' ? this.#copy.threadCount : 0,
      store: vault.store,
      onPack: (pack) => this.#packWritten(pack),
    })
    try {
      const segments = await this.#windows(crew, known, new DiskWindow(memory.window), { parent, listing })
      await this.#writeIndex(0)
      return await this.#commit(segments, previous?.copyId, listing && parent)
    } finally {
      stop()
      await crew.close()
    }
  }

  #setup(memory: Pick<CopySetup, 'known' | 'window'>): CopySetup {
    const { vault, location, source, sizeBytes, bytesPerSecond = 0 } = this.#copy
    return {
      ...memory,
      task: 'copy',
      location,
      source,
      sizeBytes,
      bytesPerSecond,
      vaultId: vault.keys.vaultId,
      masterKey: vault.masterKey,
      counters: this.#counters,
      sums: this.#sums,
    }
  }

  async #learn(known: KnownBlocks): Promise<void> {
    for await (const { id, entries, indexed } of knownPacks(this.#copy.vault, this.#tombstones, () => known.isFull)) {
      const pack = this.#numberOf(id)
      for (const entry of entries) known.learn(entry.id, { ...entry, pack })
      if (!indexed) this.#unindexed.push({ id, entries })
    }
  }

  #numberOf(packId: Buffer): number {
    const name = packId.toString('hex')
    const known = this.#packNumbers.get(name)
    if (known !== undefined) return known
    const number = Atomics.add(new Int32Array(this.#counters), COUNTER.packs, 1)
    this.#packIds[number] = Buffer.from(packId)
    this.#packNumbers.set(name, number)
    return number
  }

  #packWritten({ number, packId, entries }: Extract<Report, { kind: 'pack' }>): void {
    const id = Buffer.from(packId)
    this.#packIds[number] = id
    this.#packNumbers.set(id.toString('hex'), number)
    this.#unindexed.push({
      id,
      entries: entries.map((entry, ordinal) => ({ ...entry, ordinal, id: Buffer.from(entry.id) })),
    })
  }

  /** Works through the disk. Returns its segments. */
  async #windows(crew: Crew, known: KnownBlocks, window: DiskWindow, base: Base): Promise<DiskManifest['segments']> {
    const segments: DiskManifest['segments'] = []
    const blockCount = blockCountOf(this.#copy.sizeBytes)
    for (let firstBlock = 0; firstBlock < blockCount; firstBlock += WINDOW_BLOCKS) {
      const count = Math.min(WINDOW_BLOCKS, blockCount - firstBlock)
      window.clear()
      const list = await this.#prepare(window, base, firstBlock, count)
      Atomics.store(new Int32Array(this.#counters), COUNTER.next, 0)
      const order = { kind: 'window', firstBlock, blockCount: count, ...(list ? { list } : {}) } as const
      if (!list || list.length > 0) for (let thread = 0; thread < crew.count; thread += 1) await crew.give(order)
      await crew.finished()
      segments.push(...(await this.#writeSegments(window, known, firstBlock, count)))
      await this.#writeIndex(PACKS_PER_PART)
    }
    return segments
  }

  /**
   * Puts the parent's blocks into the window. Returns what has to be read, when a list of changes says so: those, and whatever
   * the parent does not have, or has in packs that will be deleted.
   */
  async #prepare(
    window: DiskWindow,
    { parent, listing }: Base,
    firstBlock: number,
    count: number,
  ): Promise<Int32Array | undefined> {
    const lost: number[] = []
    for (const { at, entry } of parent ? await this.#parentEntries(parent, firstBlock) : []) {
      if (this.#tombstones.has(entry.packId.toString('hex'))) lost.push(at)
      else if (at < count) window.setLocated(at, entry.id, { ...entry, pack: this.#numberOf(entry.packId) })
    }
    if (!listing) return undefined
    const list = new Set(lost)
    for (const block of await listing.between(firstBlock, firstBlock + count)) list.add(block - firstBlock)
    return Int32Array.from([...list].toSorted((left, right) => left - right))
  }

  /** Entries of the parent in a window, `at` counted from the window's first block. */
  async #parentEntries(
    parent: DiskManifest,
    firstBlock: number,
  ): Promise<{ readonly at: number; readonly entry: SegmentEntry }[]> {
    const firstSegment = (firstBlock / WINDOW_BLOCKS) * WINDOW_SEGMENTS
    const within = parent.segments.filter(
      ([number]) => number >= firstSegment && number < firstSegment + WINDOW_SEGMENTS,
    )
    const found: { at: number; entry: SegmentEntry }[] = []
    for (const [number, id] of within) {
      const name = mapName(Buffer.from(id, 'hex'))
      const entries = readSegment(await readObject(this.#copy.vault, name, `the map of ${this.#copy.disk}`))
      if (!entries) throw new TandemError('VaultDamaged', `${name} is malformed.`)
      for (const entry of entries) found.push({ at: (number - firstSegment) * SEGMENT_BLOCKS + entry.block, entry })
    }
    return found
  }

  async #writeSegments(
    window: DiskWindow,
    known: KnownBlocks,
    firstBlock: number,
    count: number,
  ): Promise<DiskManifest['segments']> {
    const { vault } = this.#copy
    const segments: DiskManifest['segments'] = []
    for (let segment = 0; segment * SEGMENT_BLOCKS < count; segment += 1) {
      const entries = window.entries(segment, known, (pack) => this.#packIds[pack] ?? Buffer.alloc(PACK_ID_BYTES))
      if (entries.length === 0) continue
      for (const { packId } of entries) this.#used.add(packId.toString('hex'))
      this.#blockCount += entries.length
      const plaintext = writeSegment(entries)
      const id = segmentId(vault.keys, plaintext)
      await writeObject(vault, mapName(id), plaintext, id)
      segments.push([firstBlock / SEGMENT_BLOCKS + segment, id.toString('hex')])
    }
    return segments
  }

  /** Writes index parts while there are at least so many packs without one (0: all). */
  async #writeIndex(atLeast: number): Promise<void> {
    while (this.#unindexed.length > 0 && this.#unindexed.length >= atLeast) {
      const packs = this.#unindexed.splice(0, PACKS_PER_PART)
      await writeObject(this.#copy.vault, indexName(randomBytes(PACK_ID_BYTES)), writeIndexPart(packs))
    }
  }

  async #commit(
    segments: DiskManifest['segments'],
    previous: string | undefined,
    parent: DiskManifest | undefined,
  ): Promise<CopyResult | undefined> {
    const { vault, disk, sizeBytes, takenAtMs, snapshots, lineageBroken = false } = this.#copy
    const tombstones = await readTombstones(vault)
    if ([...this.#used].some((packId) => tombstones.has(packId))) return undefined
    const copyId = randomBytes(PACK_ID_BYTES)
    const manifest: DiskManifest = {
      version: 1,
      disk,
      copyId: copyId.toString('hex'),
      takenAt: new Date(takenAtMs).toISOString(),
      sizeBytes,
      segments,
      blockCount: this.#blockCount,
      mode: parent ? 'incremental' : lineageBroken ? 'full-after-broken-lineage' : 'full',
      ...(parent ? { parent: parent.copyId } : {}),
      ...(previous === undefined ? {} : { previous }),
      ...(snapshots ? { source: snapshots } : {}),
      rootDigest: rootDigest(segments),
      stats: this.#stats(),
    }
    const name = manifestName(disk, takenAtMs, copyId)
    await writeObject(vault, name, writeManifest(manifest))
    return { name, manifest }
  }

  #stats(): CopyStats {
    return {
      readBytes: this.#sum(SUM.read),
      zeroBytes: this.#sum(SUM.zero),
      knownBytes: this.#sum(SUM.known),
      newBytes: this.#sum(SUM.fresh),
      storedBytes: this.#sum(SUM.stored),
    }
  }

  #sum(which: number): number {
    return Number(Atomics.load(new BigInt64Array(this.#sums), which))
  }
}
