import { createHash } from 'node:crypto'
import type { NewSnapshot, SnapshotBlocks } from '../../core/copy-ports.ts'
import type { BlockSink } from './block-sink.ts'

/** Answers under way at once: EBS lets 1,000 blocks a second of one snapshot through (AWS facts B). */
const WRITES_AT_ONCE = 32

/**
 * A new snapshot, written by the EBS direct APIs: a disk comes back without any volume or instance. What is never written is
 * zeros. EBS checks every block's SHA-256, and at the end that of all of them.
 */
export class SnapshotSink implements BlockSink {
  readonly #blocks: SnapshotBlocks
  readonly #snapshot: string
  readonly #digests = new Map<number, Uint8Array>()
  readonly #writing = new Set<Promise<void>>()
  #failure: unknown

  private constructor(blocks: SnapshotBlocks, snapshot: string) {
    this.#blocks = blocks
    this.#snapshot = snapshot
  }

  /** Starts the snapshot, or goes on with the one that the same token started. */
  static async start(blocks: SnapshotBlocks, order: NewSnapshot): Promise<SnapshotSink> {
    return new SnapshotSink(blocks, await blocks.start(order))
  }

  get snapshot(): string {
    return this.#snapshot
  }

  async write(block: number, bytes: Uint8Array): Promise<void> {
    while (this.#writing.size >= WRITES_AT_ONCE) await Promise.race(this.#writing)
    if (this.#failure !== undefined) throw this.#failure
    const writing = this.#write(block, bytes).finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  async flush(): Promise<void> {
    await Promise.all(this.#writing)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** After the last block: from now on the snapshot cannot be written any more, and becomes `completed` in a while. */
  async complete(): Promise<void> {
    await this.flush()
    const hash = createHash('sha256')
    const written = [...this.#digests].toSorted(([left], [right]) => left - right)
    for (const [, digest] of written) hash.update(digest)
    await this.#blocks.complete(this.#snapshot, { blockCount: written.length, sha256: hash.digest() })
  }

  close(): void {}

  async #write(block: number, bytes: Uint8Array): Promise<void> {
    try {
      this.#digests.set(block, await this.#blocks.write(this.#snapshot, block, bytes))
    } catch (error) {
      this.#failure ??= error
    }
  }
}
