import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Lets I/O under way take its next step: computing threads never wait otherwise. */
export const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(done))

type Collect = (options: { readonly type: 'minor' | 'major' }) => void

/**
 * Buffers of blocks are outside of V8's heap, which therefore sees little reason to collect them: a thread would hold 100 MiB of
 * dead ones. Ciphertexts and plaintexts are young when they die: a minor collection (0.3 ms) frees them, every 16 blocks some
 * 10 MiB. What zstd leaves behind outlives minor ones, for Node's handles do; a major one (5 ms) frees it, every 128 blocks 8 MiB.
 */
const BLOCKS_PER_MINOR = 16
const BLOCKS_PER_MAJOR = 128
let count = 0
let collect: Collect | undefined

/** To be called after each block that was compressed or decompressed. */
export function collectBuffers(): void {
  count += 1
  if (count % BLOCKS_PER_MINOR !== 0) return
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Collect
  }
  collect({ type: count % BLOCKS_PER_MAJOR === 0 ? 'major' : 'minor' })
}
