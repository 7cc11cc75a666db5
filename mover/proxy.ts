/**
 * The program that a proxy runs (core/proxy-user-data.ts), bundled into one file, which is its own worker thread too.
 * `node mover.mjs --bucket <reports bucket> --job <key> --devices <folder>`
 */
import { isMainThread, workerData } from 'node:worker_threads'
import type { ThreadStart } from './pipeline/protocol.ts'
import { threadFile } from './pipeline/thread-file.ts'

if (isMainThread) {
  threadFile.url = new URL(import.meta.url)
  const { runProxyProgram } = await import('./jobs/proxy-program.ts')
  // At once: when nobody waits any more, the copying is still under way, and it may end at any moment.
  process.exit((await runProxyProgram(process.argv.slice(2))) ? 0 : 1)
} else {
  const { work } = await import('./pipeline/thread.ts')
  await work((workerData as ThreadStart).setup)
}
