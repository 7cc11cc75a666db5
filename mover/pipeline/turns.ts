import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PIECE_BYTES } from '../format/zstd.ts'

/** Lets I/O under way take its next step: computing threads never wait otherwise. */
export const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(done))

type Collect = (options: { readonly type: 'minor' | 'major' }) => void

/** Buffers of blocks are outside of V8's heap, which therefore sees little reason to collect them: a thread would hold 100 MiB. */
interface Garbage {
  /** Of what dies at once: a minor collection (0.3 ms) frees it. */
  readonly youngBytes: number
  /** Of what has seen minor collections before it dies, beside what zstd leaves behind: only a major one (5 ms) frees it. */
  readonly oldBytes: number
}

const YOUNG_BYTES_MAX = 4 * 1024 * 1024
const OLD_BYTES_MAX = 8 * 1024 * 1024
let youngBytes = 0
let oldBytes = 0
let collect: Collect | undefined

/** To be called after each block that was compressed or decompressed, with the buffers that it took. */
export function collectBuffers(garbage: Garbage): void {
  youngBytes += garbage.youngBytes
  oldBytes += garbage.oldBytes + PIECE_BYTES
  const isMajor = oldBytes > OLD_BYTES_MAX
  if (!isMajor && youngBytes < YOUNG_BYTES_MAX) return
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Collect
  }
  collect({ type: isMajor ? 'major' : 'minor' })
  youngBytes = 0
  if (isMajor) oldBytes = 0
}
