/**
 * What the primitives alone allow: how fast all cores together compute the ids and checks of a disk's blocks, compress and encrypt them,
 * reading nothing and writing nothing. Started as a script, it is one of the threads of this measurement.
 */
import { createCipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { blockCheck, blockId, ordinalNonce, vaultKeys } from '../../mover/format/keys.ts'
import { BLOCK_BYTES } from '../../mover/format/parameters.ts'
import { packBlock } from '../../mover/format/zstd.ts'
import { release } from '../../mover/release.ts'

const SECONDS = 3
/** 64 MiB: more than any cache of a processor. */
const SAMPLED_BLOCKS = 128

export interface PrimitiveRate {
  /** Of blocks that are not zero, all cores together. */
  readonly bytesPerSecond: number
  readonly bytesPerCpuSecond: number
}

interface Worked {
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
}

export async function primitiveRate(disk: string, diskBytes: number): Promise<PrimitiveRate> {
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL(import.meta.url), { workerData: { disk, diskBytes } }),
  )
  const worked = await Promise.all(threads.map(async (thread) => ((await once(thread, 'message')) as [Worked])[0]))
  const sum = (of: (each: Worked) => number): number => worked.reduce((total, each) => total + of(each), 0)
  return {
    bytesPerSecond: sum(({ bytes, seconds }) => bytes / seconds),
    bytesPerCpuSecond: sum(({ bytes }) => bytes) / sum(({ cpuSeconds }) => cpuSeconds),
  }
}

export function meanRate(rates: readonly PrimitiveRate[]): PrimitiveRate {
  const mean = (of: (rate: PrimitiveRate) => number): number =>
    rates.reduce((sum, rate) => sum + of(rate), 0) / rates.length
  return {
    bytesPerSecond: mean(({ bytesPerSecond }) => bytesPerSecond),
    bytesPerCpuSecond: mean(({ bytesPerCpuSecond }) => bytesPerCpuSecond),
  }
}

/** Blocks from all over the disk, none of zeros. */
function sample(disk: string, diskBytes: number): Buffer[] {
  const zeros = Buffer.alloc(BLOCK_BYTES)
  const file = openSync(disk, 'r')
  const blocks: Buffer[] = []
  // A step that is prime to all that disks are made of.
  const step = 61 * BLOCK_BYTES
  for (let at = 0; blocks.length < SAMPLED_BLOCKS; at = (at + step) % diskBytes) {
    const block = Buffer.alloc(BLOCK_BYTES)
    readSync(file, block, 0, BLOCK_BYTES, at)
    if (!block.equals(zeros)) blocks.push(block)
  }
  closeSync(file)
  return blocks
}

function work({ disk, diskBytes }: { readonly disk: string; readonly diskBytes: number }): Worked {
  const blocks = sample(disk, diskBytes)
  const keys = vaultKeys(randomBytes(32), randomBytes(16))
  const key = keys.packKey(randomBytes(16))
  const cpuBefore = process.threadCpuUsage()
  const startedMs = performance.now()
  let count = 0
  for (; performance.now() - startedMs < SECONDS * 1000; count += 1) {
    const block = blocks[count % blocks.length] ?? Buffer.alloc(0)
    blockCheck(keys, block)
    blockId(keys, block)
    const packed = packBlock(block)
    const cipher = createCipheriv('aes-256-gcm', key, ordinalNonce(count))
    release(cipher.update(packed))
    cipher.final()
    if (packed !== block) release(packed)
  }
  const { user, system } = process.threadCpuUsage(cpuBefore)
  const seconds = (performance.now() - startedMs) / 1000
  return { bytes: count * BLOCK_BYTES, seconds, cpuSeconds: (user + system) / 1_000_000 }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
if (!isMainThread) parentPort?.postMessage(work(workerData as Parameters<typeof work>[0]))
