/** Copies a disk into a vault (docs/vault-format.md, section 7). May be killed at any moment and run again. */
import { randomBytes } from 'node:crypto'
import { isTandemError, TandemError } from '../core/errors.ts'
import { segmentId } from './format/envelope.ts'
import { rootDigest, writeManifest, type CopyStats, type DiskManifest } from './format/manifest.ts'
import { manifestName, mapName } from './format/names.ts'
import { BLOCK_BYTES, blockCountOf, PACK_BYTES, PACK_ID_BYTES, SEGMENT_BLOCKS } from './format/parameters.ts'
import { writeSegment, type SegmentEntry } from './format/segment.ts'
import { changesOf, takeFromParent, type WindowRange } from './parent-blocks.ts'
import { DiskWindow, WINDOW_BLOCKS } from './pipeline/disk-window.ts'
import { KnownBlocks } from './pipeline/known-blocks.ts'
import { estimateBlocks, usablePacks } from './pipeline/known-packs.ts'
import { PACKS_PER_PART, PacksOfRun } from './pipeline/packs-of-run.ts'
import { COUNTER, SUM, type CopySetup } from './pipeline/protocol.ts'
import { startCrew, type Crew } from './pipeline/crew.ts'
import { reportProgress, type OnProgress } from './progress.ts'
import type { BlockListing, BlockSource } from './sources/block-source.ts'
import type { VaultLocation } from './stores/location.ts'
import { TombstoneWatch } from './tombstones.ts'
import { listCopies, readCopy, writeObject, type Vault } from './vault.ts'

export interface DiskCopy {
  readonly vault: Vault
  readonly location: VaultLocation
  /** Path of a block device or file; or an open source, which keeps the work in this thread and is closed at its end. */
  readonly source: string | BlockSource
  readonly sizeBytes: number
  /** Its name in the vault. */
  readonly disk: string
  readonly takenAtMs: number
  /** Of 16 bytes. Who gives it, and the same time, may run the copy twice: the second run finds the first one's manifest. Random unless given. */
  readonly copyId?: Buffer
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
  /** Packs are closed when their records exceed this; 16 MiB unless told. */
  readonly packBytes?: number
  readonly onProgress?: OnProgress
  /** By which pauses of the run are noticed; the system's clock unless told. */
  readonly nowMs?: () => number
}

export interface CopyResult {
  /** Key of the manifest. */
  readonly name: string
  readonly manifest: DiskManifest
}

/** How often a copy starts anew because expiry took packs away from under it. */
const TRIES = 3

/** @throws TandemError VaultDamaged, DiskUnreadable, AccessDenied, AwsUnavailable, DiskUnwritable, LostRace */
export async function copyDisk(copy: DiskCopy): Promise<CopyResult> {
  const { vault, disk, takenAtMs, copyId = randomBytes(PACK_ID_BYTES) } = copy
  const name = manifestName(disk, takenAtMs, copyId)
  if (copy.copyId && (await vault.store.get(name))) return { name, manifest: await readCopy(vault, name) }
  const tombstones = new TombstoneWatch(vault.store, copy.nowMs)
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const manifest = await new CopyRun(copy, tombstones).run(name, copyId)
    if (manifest) return { name, manifest }
  }
  throw new TandemError(
    'LostRace',
    `Expiry took blocks away from the copy of ${disk} ${TRIES} times: it takes longer than the grace period. Run it again.`,
  )
}

class CopyRun {
  readonly #copy: DiskCopy
  readonly #tombstones: TombstoneWatch
  readonly #counters = new SharedArrayBuffer(COUNTER.size * 4)
  readonly #sums = new SharedArrayBuffer(SUM.size * 8)
  /** Packs and segments that the manifest will need. */
  readonly #used = new Map<string, Buffer>()
  #blockCount = 0

  constructor(copy: DiskCopy, tombstones: TombstoneWatch) {
    this.#copy = copy
    this.#tombstones = tombstones
  }

  /** undefined: a pack or segment that the copy uses is about to be deleted. */
  async run(name: string, copyId: Buffer): Promise<DiskManifest | undefined> {
    const { vault, sizeBytes, source, onProgress } = this.#copy
    await this.#tombstones.look()
    const usable = await usablePacks(vault, (packId) => this.#tombstones.has(packId))
    const base = await this.#base()
    const blockCount = blockCountOf(sizeBytes)
    const memory = {
      known: KnownBlocks.memory(blockCount + (await estimateBlocks(vault))),
      window: DiskWindow.memory(blockCount),
    }
    const known = new KnownBlocks(memory.known)
    const packs = new PacksOfRun(vault, this.#counters, usable)
    await packs.learn(known)
    const { listing } = base
    const total = listing ? listing.blockCount * BLOCK_BYTES : sizeBytes
    const stop = reportProgress(total, () => this.#sum(SUM.read), onProgress)
    const crew = startCrew(this.#setup(memory), {
      blockCount: listing?.blockCount ?? blockCount,
      threadCount: typeof source === 'string' ? this.#copy.threadCount : 0,
      store: vault.store,
      onPack: (pack) => packs.written(pack),
    })
    try {
      const segments = await this.#windows({ ...base, crew, known, packs, window: new DiskWindow(memory.window) })
      await packs.writeIndex(0)
      return await this.#commit(name, this.#manifest(copyId, segments, base))
    } finally {
      stop()
      await crew.close()
    }
  }

  /** What to compare with. If the newest copy of the disk cannot be read, nothing: then all of the disk is. */
  async #base(): Promise<Base> {
    const { vault, disk, listing, changedBlocks } = this.#copy
    const newest = (await listCopies(vault, disk)).at(-1)
    const previous = newest?.copyId
    // Who lists changes since a copy knows nothing of the rest of the disk.
    if (listing)
      return {
        previous,
        listing,
        parent: listing.since === undefined ? undefined : await readCopy(vault, listing.since),
      }
    try {
      const parent = newest && (await readCopy(vault, newest.name))
      return { previous, parent, listing: changedBlocks && parent && changesOf(changedBlocks, parent) }
    } catch (error) {
      if (isTandemError(error, 'VaultDamaged')) return { previous }
      throw error
    }
  }

  #manifest(copyId: Buffer, segments: DiskManifest['segments'], { previous, parent, listing }: Base): DiskManifest {
    const { disk, takenAtMs, sizeBytes, snapshots, lineageBroken, changedBlocks } = this.#copy
    const isIncremental = listing !== undefined && parent !== undefined
    const isBroken = lineageBroken ?? (changedBlocks !== undefined && previous !== undefined)
    return {
      version: 1,
      disk,
      copyId: copyId.toString('hex'),
      takenAt: new Date(takenAtMs).toISOString(),
      sizeBytes,
      segments,
      blockCount: this.#blockCount,
      mode: isIncremental ? 'incremental' : isBroken ? 'full-after-broken-lineage' : 'full',
      ...(isIncremental ? { parent: parent.copyId } : {}),
      ...(previous === undefined ? {} : { previous }),
      ...(snapshots ? { source: snapshots } : {}),
      rootDigest: rootDigest(segments),
      stats: this.#stats(),
    }
  }

  #setup(memory: Pick<CopySetup, 'known' | 'window'>): CopySetup {
    const { vault, location, source, sizeBytes, bytesPerSecond = 0, packBytes = PACK_BYTES } = this.#copy
    return {
      ...memory,
      task: 'copy',
      location,
      source,
      sizeBytes,
      bytesPerSecond,
      packBytes,
      vaultId: vault.keys.vaultId,
      masterKey: vault.masterKey,
      counters: this.#counters,
      sums: this.#sums,
    }
  }

  /** Works through the disk. Returns its segments. */
  async #windows(work: WindowWork): Promise<DiskManifest['segments']> {
    const { crew, packs, window } = work
    const segments: DiskManifest['segments'] = []
    const blockCount = blockCountOf(this.#copy.sizeBytes)
    for (let firstBlock = 0; firstBlock < blockCount; firstBlock += WINDOW_BLOCKS) {
      const range = { firstBlock, count: Math.min(WINDOW_BLOCKS, blockCount - firstBlock) }
      window.clear()
      const list = await this.#prepare(work, range)
      Atomics.store(new Int32Array(this.#counters), COUNTER.next, 0)
      const order = { kind: 'window', firstBlock, blockCount: range.count, ...(list ? { list } : {}) } as const
      if (!list || list.length > 0) for (let thread = 0; thread < crew.count; thread += 1) await crew.give(order)
      await crew.finished()
      await this.#tombstones.look()
      segments.push(...(await this.#writeSegments(work, range)))
      await packs.writeIndex(PACKS_PER_PART)
    }
    return segments
  }

  /** Puts the parent's blocks into the window. Returns what has to be read, if it is not everything. */
  async #prepare({ parent, listing, window, packs }: WindowWork, range: WindowRange): Promise<Int32Array | undefined> {
    const { firstBlock, count } = range
    const list = parent ? await takeFromParent(this.#copy.vault, parent, window, range, packs) : new Set<number>()
    if (!listing) return undefined
    for (const block of await listing.between(firstBlock, firstBlock + count)) list.add(block - firstBlock)
    return Int32Array.from([...list].toSorted((left, right) => left - right))
  }

  async #writeSegments(
    { window, known, packs }: WindowWork,
    { firstBlock, count }: WindowRange,
  ): Promise<DiskManifest['segments']> {
    const segments: DiskManifest['segments'] = []
    for (let segment = 0; segment * SEGMENT_BLOCKS < count; segment += 1) {
      const entries = window.entries(segment, known, (pack) => packs.idOf(pack))
      if (entries.length === 0) continue
      for (const { packId } of entries) this.#use(packId)
      this.#blockCount += entries.length
      const id = await this.#writeSegment(entries)
      segments.push([firstBlock / SEGMENT_BLOCKS + segment, id.toString('hex')])
    }
    return segments
  }

  async #writeSegment(entries: readonly SegmentEntry[]): Promise<Buffer> {
    const { vault } = this.#copy
    const usual = writeSegment(entries)
    const isDoomed = this.#tombstones.has(segmentId(vault.keys, usual))
    const plaintext = isDoomed ? writeSegment(entries, randomBytes(PACK_ID_BYTES)) : usual
    const id = segmentId(vault.keys, plaintext)
    this.#use(id)
    await writeObject(vault, mapName(id), plaintext, id)
    return id
  }

  #use(id: Buffer): void {
    this.#used.set(id.toString('hex'), id)
  }

  async #commit(name: string, manifest: DiskManifest): Promise<DiskManifest | undefined> {
    const { vault, disk } = this.#copy
    await this.#tombstones.look()
    if ([...this.#used.values()].some((id) => this.#tombstones.has(id))) return undefined
    const written = await writeObject(vault, name, writeManifest(manifest))
    if (this.#tombstones.isOutdated)
      throw new TandemError(
        'LostRace',
        `The copy of ${disk} stood still for an hour just before its end: expiry may have taken blocks away from ${name}. Run it again.`,
      )
    // Another run of the same copy was faster.
    return written === 'taken' ? readCopy(vault, name) : manifest
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

/** What a copy begins with. */
interface Base {
  /** Id of the newest copy of the disk. */
  readonly previous?: string | undefined
  /** The copy whose blocks are taken over. */
  readonly parent?: DiskManifest | undefined
  /** What has to be read; everything without it. */
  readonly listing?: BlockListing | undefined
}

/** What a window is worked on with. */
interface WindowWork extends Base {
  readonly crew: Crew
  readonly known: KnownBlocks
  readonly packs: PacksOfRun
  readonly window: DiskWindow
}
