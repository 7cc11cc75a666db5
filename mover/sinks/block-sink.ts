/** What the blocks of a copy are written to. */

/** 8 GiB: blocks come in such parts of the disk, so that whoever must know their order need not remember all of them. */
export const PART_BLOCKS = 16_384

export interface BlockSink {
  /**
   * Takes a block that is not zero. Parts of the disk come in ascending order, and their blocks in any; may return before it is written, and owns `bytes` from now on.
   * @throws TandemError DiskUnwritable, also for a block that was taken earlier
   */
  write(block: number, bytes: Uint8Array): Promise<void>
  /** Resolves when all that was taken is written. */
  flush(): Promise<void>
  close(): void
}
