import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Lets I/O under way take its next step: computing threads never wait otherwise. */
export const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(done))

/**
 * Buffers of blocks are outside of V8's heap, which therefore sees no reason to collect them: a thread would hold hundreds of
 * MiB of dead ones. A young collection every 4 blocks costs nothing measurable and keeps a run below 200 MiB.
 */
const EVERY = 4
let count = 0
let collect: ((options: { readonly type: 'minor' }) => void) | undefined

export function collectYoung(): void {
  count += 1
  if (count % EVERY !== 0) return
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as typeof collect
  }
  collect?.({ type: 'minor' })
}
