import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

export const LAMBDAS = resolve(import.meta.dirname, '../lambdas')
/** The program of proxies; bundled as `proxy/mover.mjs`. */
export const MOVER = resolve(import.meta.dirname, '../mover/proxy.ts')
/** The `tandem` command, and a thread of the mover, which it starts. */
export const COMMAND = resolve(import.meta.dirname, '../cli/tandem.js')
export const THREAD = resolve(import.meta.dirname, '../mover/pipeline/worker.js')

/** Handler files: every file of `lambdas/` but the wrapper that they share. */
export const handlerNames = (): string[] =>
  readdirSync(LAMBDAS)
    .filter((file) => file.endsWith('.ts') && file !== 'task.ts')
    .map((file) => basename(file, '.ts'))

const SCRIPT = join(import.meta.dirname, 'handlers.ts')

/**
 * Bundles every handler into a folder of its own below `directory`, ready to be a Lambda's asset: `index.mjs` and the chunks
 * that it loads, directly or not. The SDK is bundled rather than taken from the runtime, so that what was tested is what runs.
 *
 * Runs in a process of its own, which takes 400 MB of memory with it when it ends: the sources of the SDK are large, and
 * what synthesises afterwards needs memory too.
 */
export function bundleHandlers(directory: string): (name: string) => string {
  execFileSync(process.execPath, [SCRIPT, directory], { stdio: ['ignore', 'inherit', 'inherit'] })
  return (name) => join(directory, name)
}
