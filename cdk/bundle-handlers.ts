/** Script: bundles every handler, and the mover of proxies, into the folder that it is given, or into dist/lambdas. `bundleHandlers` of cdk/bundles.ts and `npm start` run it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { OutputChunk } from 'rolldown'
import { handlerNames, LAMBDAS, MOVER } from './bundles.ts'

// A thread less is 80 MB less; the bundler's native part reads these when it is loaded.
process.env['TOKIO_WORKER_THREADS'] = '1'
process.env['RAYON_NUM_THREADS'] = '1'
process.env['ROLLDOWN_WORKER_THREADS'] = '1'
const { rolldown } = await import('rolldown')

// The ES modules of the SDK can be shaken: EC2's schemas alone are 1.3 MB, of which a handler needs a few percent.
const RESOLVE = { mainFields: ['module', 'main'] }
const TREESHAKE = { propertyReadSideEffects: false } as const

/** All handlers go through one build, which reads the SDK once; what they share is in chunks, which each folder gets a copy of. */
async function build(directory: string): Promise<void> {
  const bundler = await rolldown({
    input: Object.fromEntries(handlerNames().map((name) => [name, join(LAMBDAS, `${name}.ts`)])),
    platform: 'node',
    resolve: RESOLVE,
    treeshake: TREESHAKE,
  })
  const { output } = await bundler.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await bundler.close()
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])))
  rmSync(directory, { recursive: true, force: true })
  for (const name of handlerNames()) {
    const folder = join(directory, name)
    mkdirSync(folder, { recursive: true })
    for (const { fileName, code, isEntry } of withImports(`${name}.mjs`, chunks))
      writeFileSync(join(folder, isEntry ? 'index.mjs' : fileName), code)
  }
}

/** The chunk and everything that it imports, statically or not. */
function withImports(fileName: string, chunks: ReadonlyMap<string, OutputChunk>): Set<OutputChunk> {
  const found = new Set<OutputChunk>()
  const visit = (name: string): void => {
    const chunk = chunks.get(name)
    if (!chunk || found.has(chunk)) return
    found.add(chunk)
    for (const imported of [...chunk.imports, ...chunk.dynamicImports]) visit(imported)
  }
  visit(fileName)
  return found
}

/** One file: a proxy fetches it by one URL. */
async function buildMover(directory: string): Promise<void> {
  const bundler = await rolldown({ input: MOVER, platform: 'node', resolve: RESOLVE, treeshake: TREESHAKE })
  const { output } = await bundler.generate({ format: 'esm', minify: true, codeSplitting: false })
  await bundler.close()
  const [{ code }] = output
  mkdirSync(join(directory, 'proxy'), { recursive: true })
  writeFileSync(join(directory, 'proxy', 'mover.mjs'), code)
}

const directory = resolve(process.argv[2] ?? 'dist/lambdas')
await build(directory)
await buildMover(directory)
