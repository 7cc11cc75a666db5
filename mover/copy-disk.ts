/** Copies a disk into a vault (docs/vault-format.md, section 7). May be killed at any moment and run again. */
import { randomBytes } from 'node:crypto'
import { TandemError } from '../core/errors.ts'
import { findBase, type CopyBase } from './copy-base.ts'
import { rootDigest, writeManifest, type CopyStats, type DiskManifest } from './format/manifest.ts'
import { manifestName } from './format/names.ts'
import { BLOCK_BYTES, blockCountOf, PACK_BYTES, PACK_ID_BYTES } from './format/parameters.ts'
import { takeFromParent, type WindowRange } from './parent-blocks.ts'
import { Crew } from './pipeline/crew.ts'
import { DiskWindow, WINDOW_BLOCKS } from './pipeline/disk-window.ts'
import { KnownBlocks } from './pipeline/known-blocks.ts'
import { estimateBlocks, usablePacks } from './pipeline/known-packs.ts'
import { PACKS_PER_PART, PacksOfRun } from './pipeline/packs-of-run.ts'
import { COUNTER, SUM, type CopySetup } from './pipeline/protocol.ts'
import { reportProgress, type OnProgress } from './progress.ts'
import { SegmentsOfCopy } from './segments-of-copy.ts'
import type { BlockListing, BlockSource } from './sources/block-source.ts'
import type { VaultLocation } from './stores/location.ts'
import { TombstoneWatch } from './tombstones.ts'
import { readCopy, writeObject, type Vault } from './vault.ts'

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

/** One try of a copy: works through the disk window by window, so that memory does not grow with it. */
class CopyRun {
  readonly #copy: DiskCopy
  readonly #tombstones: TombstoneWatch
  readonly #counters = new SharedArrayBuffer(COUNTER.size * 4)
  readonly #sums = new SharedArrayBuffer(SUM.size * 8)

  constructor(copy: DiskCopy, tombstones: TombstoneWatch) {
    this.#copy = copy
    this.#tombstones = tombstones
  }

  /** undefined: a pack or segment that the copy uses is about to be deleted. */
  async run(name: string, copyId: Buffer): Promise<DiskManifest | undefined> {
    const { vault, sizeBytes, source, threadCount, onProgress } = this.#copy
    const [usable, base, storedCount] = await Promise.all([
      // What has a tombstone is listed first.
      this.#tombstones.look().then(() => usablePacks(vault, (packId) => this.#tombstones.has(packId))),
      findBase(this.#copy),
      estimateBlocks(vault),
    ])
    const { listing } = base
    const blockCount = listing?.blockCount ?? blockCountOf(sizeBytes)
    const memory = {
      known: KnownBlocks.memory(blockCount + storedCount),
      window: DiskWindow.memory(blockCountOf(sizeBytes)),
    }
    const known = new KnownBlocks(memory.known)
    const packs = new PacksOfRun(vault, this.#counters, usable)
    // Helpers start while this thread learns what the vault holds.
    const crew = new Crew(this.#setup(memory), {
      blockCount,
      threadCount: typeof source === 'string' ? threadCount : 1,
      store: vault.store,
      onPack: (pack) => packs.written(pack),
    })
    const total = listing ? listing.blockCount * BLOCK_BYTES : sizeBytes
    const stop = reportProgress(total, () => this.#sum(SUM.read), onProgress)
    try {
      await packs.learn(known)
      const segments = new SegmentsOfCopy(vault, this.#tombstones, known, packs)
      await this.#windows({ ...base, crew, packs, segments, window: new DiskWindow(memory.window) })
      return await this.#commit(name, segments, this.#manifest(copyId, segments, base))
    } finally {
      stop()
      await crew.close()
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

  async #windows(work: WindowWork): Promise<void> {
    const { crew, packs, segments, window } = work
    const blockCount = blockCountOf(this.#copy.sizeBytes)
    for (let firstBlock = 0; firstBlock < blockCount; firstBlock += WINDOW_BLOCKS) {
      const range = { firstBlock, count: Math.min(WINDOW_BLOCKS, blockCount - firstBlock) }
      window.clear()
      const list = await this.#prepare(work, range)
      Atomics.store(new Int32Array(this.#counters), COUNTER.next, 0)
      const order = { kind: 'window', firstBlock, blockCount: range.count, ...(list ? { list } : {}) } as const
      if (!list || list.length > 0) await crew.giveAll(order)
      const isLast = firstBlock + range.count === blockCount
      if (isLast) crew.close().catch(() => {}) // told at the end of the run
      await this.#tombstones.look()
      await Promise.all([segments.write(window, range), packs.writeIndex(isLast ? 0 : PACKS_PER_PART)])
    }
  }

  /** Puts the parent's blocks into the window. Returns what has to be read, if it is not everything. */
  async #prepare({ parent, listing, window, packs }: WindowWork, range: WindowRange): Promise<Int32Array | undefined> {
    const { firstBlock, count } = range
    const list = parent ? await takeFromParent(this.#copy.vault, parent, window, range, packs) : new Set<number>()
    if (!listing) return undefined
    for (const block of await listing.between(firstBlock, firstBlock + count)) list.add(block - firstBlock)
    return Int32Array.from([...list].toSorted((left, right) => left - right))
  }

  #manifest(copyId: Buffer, segments: SegmentsOfCopy, { previous, parent, listing }: CopyBase): DiskManifest {
    const { disk, takenAtMs, sizeBytes, snapshots, lineageBroken, changedBlocks } = this.#copy
    const isIncremental = listing !== undefined && parent !== undefined
    const isBroken = lineageBroken ?? (changedBlocks !== undefined && previous !== undefined)
    return {
      version: 1,
      disk,
      copyId: copyId.toString('hex'),
      takenAt: new Date(takenAtMs).toISOString(),
      sizeBytes,
      segments: segments.list,
      blockCount: segments.blockCount,
      mode: isIncremental ? 'incremental' : isBroken ? 'full-after-broken-lineage' : 'full',
      ...(isIncremental ? { parent: parent.copyId } : {}),
      ...(previous === undefined ? {} : { previous }),
      ...(snapshots ? { source: snapshots } : {}),
      rootDigest: rootDigest(segments.list),
      stats: this.#stats(),
    }
  }

  async #commit(name: string, segments: SegmentsOfCopy, manifest: DiskManifest): Promise<DiskManifest | undefined> {
    const { vault, disk } = this.#copy
    await this.#tombstones.look()
    if (segments.isDoomed) return undefined
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

/** What a window is worked on with. */
interface WindowWork extends CopyBase {
  readonly crew: Crew
  readonly packs: PacksOfRun
  readonly segments: SegmentsOfCopy
  readonly window: DiskWindow
}
