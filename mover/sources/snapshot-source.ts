import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { BLOCK_BYTES } from '../format/parameters.ts'
import { release } from '../release.ts'
import type { BlockListing, BlockSource } from './block-source.ts'

/** With which snapshot's copy it is compared. */
export interface Since {
  readonly snapshot: string
  /** Manifest of the copy that was made from it. */
  readonly copy: string
}

/**
 * Which blocks of a snapshot a copy has to read, by the EBS direct APIs: those that differ from the snapshot of an earlier copy, or
 * all that were ever written. Serves a proxy too, which reads the blocks from a device.
 */
export class SnapshotListing implements BlockListing {
  readonly since?: string
  readonly blockCount: number
  /** Token by block, of the part that was asked for last; undefined: zeros. */
  readonly tokens = new Map<number, string | undefined>()
  readonly #blocks: SnapshotBlocks
  readonly #snapshot: string
  readonly #since: string | undefined

  /** @param blockCount as the plan counted */
  constructor(blocks: SnapshotBlocks, snapshot: string, blockCount: number, since?: Since) {
    this.#blocks = blocks
    this.#snapshot = snapshot
    this.blockCount = blockCount
    this.#since = since?.snapshot
    if (since) this.since = since.copy
  }

  async between(firstBlock: number, endBlock: number): Promise<number[]> {
    this.tokens.clear()
    const options = { fromBlock: firstBlock, ...(this.#since === undefined ? {} : { since: this.#since }) }
    const found: number[] = []
    for await (const { blocks } of this.#blocks.list(this.#snapshot, options)) {
      for (const { block, token } of blocks) {
        if (block >= endBlock) return found
        found.push(block)
        this.tokens.set(block, token)
      }
    }
    return found
  }
}

/** The blocks of a snapshot, read by the EBS direct APIs: no volume, and no instance. */
export class SnapshotSource implements BlockSource {
  /** 32 answers under way at once: a single one of 512 KiB takes longer to come than to be worked on. */
  readonly batchBlocks = 32
  readonly #blocks: SnapshotBlocks
  readonly #snapshot: string
  readonly #sizeBytes: number
  readonly #listing: SnapshotListing

  constructor(blocks: SnapshotBlocks, snapshot: string, sizeBytes: number, listing: SnapshotListing) {
    this.#blocks = blocks
    this.#snapshot = snapshot
    this.#sizeBytes = sizeBytes
    this.#listing = listing
  }

  async read(firstBlock: number, count: number, into: Buffer): Promise<number> {
    const places = Array.from({ length: count }, (_, place) => place)
    await Promise.all(
      places.map((place) =>
        this.#readOne(firstBlock + place, into.subarray(place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES)),
      ),
    )
    return Math.min(count * BLOCK_BYTES, this.#sizeBytes - firstBlock * BLOCK_BYTES)
  }

  close(): void {}

  async #readOne(block: number, into: Buffer): Promise<void> {
    const { tokens } = this.#listing
    const token = tokens.has(block) ? tokens.get(block) : await this.#tokenOf(block)
    if (token === undefined) {
      into.fill(0)
      return
    }
    const bytes = await this.#blocks.read(this.#snapshot, { block, token })
    into.set(bytes)
    release(bytes)
  }

  /** Of a block that is no change, and that the vault has lost all the same. */
  async #tokenOf(block: number): Promise<string | undefined> {
    for await (const { blocks } of this.#blocks.list(this.#snapshot, { fromBlock: block })) {
      const [first] = blocks
      if (first) return first.block === block ? first.token : undefined
    }
    return undefined
  }
}
