import { createHash } from 'node:crypto'
import type { SnapshotBlocks } from '../../core/copy-ports.ts'
import { WritesUnderWay } from '../writes-under-way.ts'
import { PART_BLOCKS, type BlockSink } from './block-sink.ts'

/** Answers under way at once: EBS lets 1,000 blocks a second of one snapshot through (AWS facts B). */
const WRITES_AT_ONCE = 32

/**
 * A new snapshot, written by the EBS direct APIs: a disk comes back without any volume or instance. What is never written is
 * zeros. EBS checks every block's SHA-256, and at the end that of all of them.
 */
export class SnapshotSink implements BlockSink {
  readonly #blocks: SnapshotBlocks
  readonly #snapshot: string
  readonly #digests = new DigestsInOrder()
  readonly #writes = new WritesUnderWay(WRITES_AT_ONCE)

  /** @param snapshot one that was started, and waits for its blocks */
  constructor(blocks: SnapshotBlocks, snapshot: string) {
    this.#blocks = blocks
    this.#snapshot = snapshot
  }

  async write(block: number, bytes: Uint8Array): Promise<void> {
    if (this.#digests.isLater(block)) {
      await this.flush()
      this.#digests.goOnAt(block)
    }
    await this.#writes.room()
    this.#writes.start(() => this.#write(block, bytes))
  }

  flush(): Promise<void> {
    return this.#writes.flush()
  }

  /** After the last block: from now on the snapshot cannot be written any more, and becomes `completed` in a while. */
  async complete(): Promise<void> {
    await this.flush()
    await this.#blocks.complete(this.#snapshot, this.#digests.end())
  }

  close(): void {}

  async #write(block: number, bytes: Uint8Array): Promise<void> {
    this.#digests.add(block, await this.#blocks.write(this.#snapshot, block, bytes))
  }
}

const DIGEST_BYTES = 32

/** SHA-256 over the digests of all blocks in the order of the blocks, for which it keeps those of one part of the disk. */
class DigestsInOrder {
  readonly #hash = createHash('sha256')
  readonly #digests = Buffer.alloc(PART_BLOCKS * DIGEST_BYTES)
  readonly #has = new Uint8Array(PART_BLOCKS)
  #part = 0
  #blockCount = 0

  /** Whether a block is in a later part of the disk than those before it. */
  isLater(block: number): boolean {
    return partOf(block) > this.#part
  }

  /** From now on blocks are of that block's part; all digests of the part before it are here. */
  goOnAt(block: number): void {
    this.#endPart()
    this.#part = partOf(block)
  }

  add(block: number, digest: Uint8Array): void {
    if (partOf(block) !== this.#part) throw new RangeError(`block ${block} came out of the order of the disk's parts`)
    const at = block % PART_BLOCKS
    this.#digests.set(digest, at * DIGEST_BYTES)
    this.#has[at] = 1
  }

  end(): { readonly blockCount: number; readonly sha256: Uint8Array } {
    this.#endPart()
    return { blockCount: this.#blockCount, sha256: this.#hash.digest() }
  }

  #endPart(): void {
    for (const [at, has] of this.#has.entries()) {
      if (has === 0) continue
      this.#hash.update(this.#digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES))
      this.#blockCount += 1
    }
    this.#has.fill(0)
  }
}

const partOf = (block: number): number => Math.floor(block / PART_BLOCKS)
