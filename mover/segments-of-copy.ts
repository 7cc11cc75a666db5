/** The segments of a copy, each written as soon as the part of the disk that it describes has been worked through. */
import { randomBytes } from 'node:crypto'
import { segmentId } from './format/envelope.ts'
import type { DiskManifest } from './format/manifest.ts'
import { mapName } from './format/names.ts'
import { PACK_ID_BYTES, SEGMENT_BLOCKS } from './format/parameters.ts'
import { writeSegment, type SegmentEntry } from './format/segment.ts'
import type { WindowRange } from './parent-blocks.ts'
import type { DiskWindow } from './pipeline/disk-window.ts'
import type { KnownBlocks } from './pipeline/known-blocks.ts'
import type { PacksOfRun } from './pipeline/packs-of-run.ts'
import type { TombstoneWatch } from './tombstones.ts'
import { writeObject, type Vault } from './vault.ts'

export class SegmentsOfCopy {
  /** As in the manifest. */
  readonly list: DiskManifest['segments'] = []
  readonly #vault: Vault
  readonly #tombstones: TombstoneWatch
  readonly #known: KnownBlocks
  readonly #packs: PacksOfRun
  readonly #usedPacks = new Set<number>()
  #blockCount = 0

  constructor(vault: Vault, tombstones: TombstoneWatch, known: KnownBlocks, packs: PacksOfRun) {
    this.#vault = vault
    this.#tombstones = tombstones
    this.#known = known
    this.#packs = packs
  }

  /** Of blocks that are not zero. */
  get blockCount(): number {
    return this.#blockCount
  }

  /** Whether a pack or segment that the copy uses is about to be deleted. */
  get isDoomed(): boolean {
    for (const pack of this.#usedPacks) if (this.#tombstones.has(this.#packs.idOf(pack))) return true
    return this.list.some(([, id]) => this.#tombstones.has(Buffer.from(id, 'hex')))
  }

  /** Writes those of a window, whose packs are all written. */
  async write(window: DiskWindow, { firstBlock, count }: WindowRange): Promise<void> {
    const packIds = new Map<number, Buffer>()
    const packIdOf = (pack: number): Buffer => {
      this.#usedPacks.add(pack)
      const id = packIds.get(pack) ?? this.#packs.idOf(pack)
      packIds.set(pack, id)
      return id
    }
    const writing: Promise<[number, string]>[] = []
    for (let segment = 0; segment * SEGMENT_BLOCKS < count; segment += 1) {
      const entries = window.entries(segment, this.#known, packIdOf)
      if (entries.length === 0) continue
      this.#blockCount += entries.length
      const number = firstBlock / SEGMENT_BLOCKS + segment
      writing.push(this.#write(entries).then((id) => [number, id]))
    }
    this.list.push(...(await Promise.all(writing)))
  }

  async #write(entries: readonly SegmentEntry[]): Promise<string> {
    const { keys } = this.#vault
    const usual = writeSegment(entries)
    const isDoomed = this.#tombstones.has(segmentId(keys, usual))
    const plaintext = isDoomed ? writeSegment(entries, randomBytes(PACK_ID_BYTES)) : usual
    const id = segmentId(keys, plaintext)
    await writeObject(this.#vault, mapName(id), plaintext, id)
    return id.toString('hex')
  }
}
