/** Where a copy's blocks come from. */

export interface BlockSource {
  /** Blocks that are asked for at once. */
  readonly batchBlocks: number
  /**
   * Fills `into` with neighbouring blocks; what is beyond the disk's end is zeros.
   * @returns how many bytes of the disk were read @throws TandemError DiskUnreadable
   */
  read(firstBlock: number, count: number, into: Buffer): Promise<number>
  close(): void
}

/** Which blocks a copy has to read, for a disk whose changes somebody else knows. */
export interface BlockListing {
  /** Manifest of the copy that the listing tells the differences to. Absent: what is not listed is zeros. */
  readonly since?: string
  /** How many there are in all, for the progress. */
  readonly blockCount: number
  /** Ascending. Asked for one part of the disk after the other. */
  between(firstBlock: number, endBlock: number): Promise<readonly number[]>
}
