/** What the blocks of a copy are written to. */
export interface BlockSink {
  /**
   * Takes a block that is not zero, in whatever order they come; may return before it is written, and keeps `bytes` until then.
   * @throws TandemError DiskUnwritable, also for a block that was taken earlier
   */
  write(block: number, bytes: Uint8Array): Promise<void>
  /** Resolves when all that was taken is written. */
  flush(): Promise<void>
  close(): void
}
