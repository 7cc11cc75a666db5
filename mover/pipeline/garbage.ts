import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { PIECE_BYTES } from '../format/zstd.ts'

/** Bytes of buffers that a thread is done with, or may be done with at a time. */
interface GarbageBytes {
  /** Of what dies at once: a minor collection (0.3 ms) frees it. */
  readonly young: number
  /** Of what has seen minor collections before it dies: only a major one (5 ms) frees it. */
  readonly old: number
}

type Collect = (options: { readonly type: 'minor' | 'major' }) => void

/**
 * Frees the buffers of blocks. They are outside of V8's heap, which therefore sees little reason to collect them: a thread would
 * hold 100 MiB of dead ones.
 */
export class Garbage {
  readonly #most: GarbageBytes
  #young = 0
  #old = 0
  #collect: Collect | undefined

  constructor(most: GarbageBytes) {
    this.#most = most
  }

  /** To be called after each block that was compressed or decompressed, with the buffers that it took beside what zstd leaves behind. */
  add({ young, old }: GarbageBytes): void {
    this.#young += young
    this.#old += old + PIECE_BYTES
    const isMajor = this.#old > this.#most.old
    if (!isMajor && this.#young <= this.#most.young) return
    this.#collect ??= collector()
    this.#collect({ type: isMajor ? 'major' : 'minor' })
    this.#young = 0
    if (isMajor) this.#old = 0
  }
}

function collector(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collect
}
