/** What the threads of a run say to each other. */
import type { BlockSink } from '../sinks/block-sink.ts'
import type { BlockSource } from '../sources/block-source.ts'
import type { VaultLocation } from '../stores/location.ts'

/** Places in the shared counters. */
export const COUNTER = {
  /** Next block, or next place in the list, of the window. */
  next: 0,
  /** Packs that have a number. */
  packs: 1,
  size: 2,
} as const

/** Places in the shared sums of bytes. */
export const SUM = { read: 0, zero: 1, known: 2, fresh: 3, stored: 4, size: 5 } as const

export interface VaultAccess {
  readonly location: VaultLocation
  readonly vaultId: Uint8Array
  readonly masterKey: Uint8Array
}

export interface CopySetup extends VaultAccess {
  readonly task: 'copy'
  /** Path of a block device or file; or a source that only the thread that opened it can read. */
  readonly source: string | BlockSource
  readonly sizeBytes: number
  readonly known: { readonly records: SharedArrayBuffer; readonly count: SharedArrayBuffer }
  readonly window: SharedArrayBuffer
  readonly counters: SharedArrayBuffer
  readonly sums: SharedArrayBuffer
  /** Of all threads together; 0: as fast as it goes. */
  readonly bytesPerSecond: number
  readonly packBytes: number
}

/** Work on a window: all its blocks, or those of a list. */
export interface WindowOrder {
  readonly kind: 'window'
  /** Of the disk. */
  readonly firstBlock: number
  readonly blockCount: number
  /** Blocks within the window, ascending. */
  readonly list?: Int32Array
}

export interface ReadSetup extends VaultAccess {
  readonly task: 'read'
  /** Where blocks are written: a path, or a sink that only the thread that opened it can use; absent: they are checked only. */
  readonly target?: string | BlockSink
  readonly disk: string
  readonly sizeBytes: number
  readonly sums: SharedArrayBuffer
}

/** What a thread is started with. */
export interface ThreadStart {
  readonly setup: CopySetup | ReadSetup
  /** Folder of the compile cache, if there is one. */
  readonly compileCache: string | undefined
}

/** Entries of one pack, as in a segment, with blocks counted from the disk's start. */
export interface PackOrder {
  readonly kind: 'pack'
  readonly packId: Uint8Array
  readonly entries: readonly PackOrderEntry[]
}

export interface PackOrderEntry {
  readonly block: number
  readonly ordinal: number
  readonly offset: number
  readonly length: number
  readonly id: Uint8Array
  readonly check: Uint8Array
}

/** End this thread; work that is under way is given up. */
export interface EndOrder {
  readonly kind: 'end'
}

export type WorkOrder = WindowOrder | PackOrder
export type Order = WorkOrder | EndOrder

export type Report =
  /** A pack is in the vault. */
  | {
      readonly kind: 'pack'
      readonly number: number
      readonly packId: Uint8Array
      readonly footer: Uint8Array
    }
  /** The order is carried out; another one may come. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string; readonly stack?: string }
