/**
 * Script: bundles the `tandem` command into the folder that it is given, or into dist/cli. `npm ci` runs it: bundled, commands start
 * in a third to two thirds of the time. From the source it is `node cli/tandem.js`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundle } from './bundler.ts'
import { COMMAND, THREAD } from './bundles.ts'

const directory = resolve(process.argv[2] ?? 'dist/cli')
const files = await bundle(
  { tandem: COMMAND, worker: THREAD },
  // Beside each other: the mover looks for its thread's file where its own code is.
  { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
)
rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
for (const { fileName, code } of files) writeFileSync(join(directory, fileName), code, { mode: 0o755 })
