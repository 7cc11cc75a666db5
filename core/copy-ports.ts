/** What copying needs of the world beside core/ports.ts: the same obligations hold. */

/** A page of a snapshot's blocks, ascending. */
export interface BlockPage {
  readonly blocks: readonly ListedBlock[]
  /** Whether there is more after the last of these blocks; a page that is empty may be followed by others (AWS facts B). */
  readonly isLast: boolean
}

export interface ListedBlock {
  /** Counted from the disk's start, 512 KiB each. */
  readonly block: number
  /** With which it is read, for seven days. Absent: it was there and is zeros now. */
  readonly token?: string
}

/** A snapshot that is to be written block by block. */
export interface NewSnapshot {
  readonly sizeGiB: number
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  /** ARN, id or alias of the KMS key; without it the Region's default decides. */
  readonly kmsKey?: string
  readonly encrypted: boolean
  /** The same token starts the same snapshot. */
  readonly clientToken: string
}

/** Blocks of snapshots, read and written without any volume (AWS facts B). */
export interface SnapshotBlocks {
  /**
   * The blocks of a snapshot that were ever written, from `fromBlock` on; with `since` those that differ from that snapshot.
   * Throws SnapshotMissing, LineageBroken when the two are not of one lineage, AccessDenied.
   */
  list(snapshot: string, options: { readonly since?: string; readonly fromBlock: number }): AsyncIterable<BlockPage>
  /** One block, its checksum checked. Throws SnapshotMissing, DiskUnreadable when what came is not what was sent. */
  read(snapshot: string, listed: Required<ListedBlock>): Promise<Uint8Array>
  start(snapshot: NewSnapshot): Promise<string>
  /** May be repeated. Returns the SHA-256 of the block. */
  write(snapshot: string, block: number, bytes: Uint8Array): Promise<Uint8Array>
  /** @param sha256 over the SHA-256 of every block that was written, in the order of the blocks */
  complete(snapshot: string, written: { readonly blockCount: number; readonly sha256: Uint8Array }): Promise<void>
}
