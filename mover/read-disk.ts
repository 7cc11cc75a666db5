/** Reads a copy back: onto a disk (restore), or only to see that all of it is there (verification). */
import { packOrders } from './blocks-of-copy.ts'
import type { DiskManifest } from './format/manifest.ts'
import { BLOCK_BYTES } from './format/parameters.ts'
import { SUM } from './pipeline/protocol.ts'
import { Crew } from './pipeline/crew.ts'
import { reportProgress, type OnProgress } from './progress.ts'
import { prepareTarget } from './restore-target.ts'
import type { BlockSink } from './sinks/block-sink.ts'
import type { VaultLocation } from './stores/location.ts'
import type { Vault } from './vault.ts'

export interface ReadOptions {
  readonly vault: Vault
  readonly location: VaultLocation
  readonly manifest: DiskManifest
  /** As many as there are cores unless told. */
  readonly threadCount?: number
  readonly onProgress?: OnProgress
}

export interface ReadResult {
  /** Of blocks that were opened and checked. */
  readonly readBytes: number
  /** That they took in packs. */
  readonly storedBytes: number
}

/**
 * Writes a copy to a file (made anew) or a block device, and waits until it is on stable storage. Only blocks that are not
 * zero are written; a device gets zeros elsewhere, unless it is known to be empty.
 * @throws TandemError VaultDamaged before anything wrong is written; DiskUnwritable
 */
export async function restoreDisk(
  options: ReadOptions & { readonly path: string; readonly assumeEmpty?: boolean },
): Promise<ReadResult> {
  const { path, manifest, assumeEmpty = false } = options
  const target = await prepareTarget(path, manifest.sizeBytes)
  try {
    if (target.isDevice && !assumeEmpty) await target.clearBetween(options.vault, manifest)
    const result = await readBlocks(options, path)
    await target.sync()
    return result
  } finally {
    await target.close()
  }
}

/** Opens and checks every block of a copy. @throws TandemError VaultDamaged for the first that is not right */
export const checkBlocks = (options: ReadOptions): Promise<ReadResult> => readBlocks(options)

/** Writes every block of a copy into a sink, in this thread. @throws TandemError VaultDamaged before anything wrong is written */
export const restoreBlocks = (options: ReadOptions, sink: BlockSink): Promise<ReadResult> => readBlocks(options, sink)

async function readBlocks(options: ReadOptions, target?: string | BlockSink): Promise<ReadResult> {
  const { vault, location, manifest, onProgress } = options
  const sums = new SharedArrayBuffer(SUM.size * 8)
  const sum = (which: number): number => Number(Atomics.load(new BigInt64Array(sums), which))
  const stop = reportProgress(manifest.blockCount * BLOCK_BYTES, () => sum(SUM.read), onProgress)
  const setup = {
    task: 'read',
    location,
    vaultId: vault.keys.vaultId,
    masterKey: vault.masterKey,
    disk: manifest.disk,
    sizeBytes: manifest.sizeBytes,
    sums,
    ...(target === undefined ? {} : { target }),
  } as const
  const threadCount = target === undefined || typeof target === 'string' ? options.threadCount : 1
  const crew = new Crew(setup, { blockCount: manifest.blockCount, threadCount, store: vault.store })
  try {
    for await (const order of packOrders(vault, manifest)) await crew.give(order)
    await crew.finished()
    return { readBytes: sum(SUM.read), storedBytes: sum(SUM.stored) }
  } finally {
    stop()
    await crew.close()
  }
}
