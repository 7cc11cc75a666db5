import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { buildSync } from 'esbuild'

const LAMBDAS = resolve(import.meta.dirname, '../lambdas')

/** Handler files: every file of `lambdas/` but the wrapper that they share. */
export const handlerNames = (): string[] =>
  readdirSync(LAMBDAS)
    .filter((file) => file.endsWith('.ts') && file !== 'task.ts')
    .map((file) => basename(file, '.ts'))

/**
 * Bundles every handler into a folder of its own below `directory`, ready to be a Lambda's asset. One esbuild run for all of
 * them. The SDK is bundled rather than taken from the runtime, so that what was tested is what runs.
 */
export function bundleHandlers(directory: string): (name: string) => string {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  buildSync({
    entryPoints: handlerNames().map((name) => ({ in: join(LAMBDAS, `${name}.ts`), out: `${name}/index` })),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // The ES modules of the SDK can be shaken: half the size, and half the time of a cold start.
    mainFields: ['module', 'main'],
    // Some of the SDK's dependencies are CommonJS and call require().
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    legalComments: 'none',
    logLevel: 'warning',
  })
  return (name) => join(directory, name)
}
