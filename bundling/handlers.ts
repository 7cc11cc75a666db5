/** Script: bundles every handler, and the mover of proxies, into the folder that it is given, or into dist/lambdas. `bundleHandlers` of bundles.ts and `npm start` run it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { OutputChunk } from 'rolldown'
import { bundle } from './bundler.ts'
import { handlerNames, LAMBDAS, MOVER } from './bundles.ts'

/** All handlers go through one build, which reads the SDK once; what they share is in chunks, which each folder gets a copy of. */
async function build(directory: string): Promise<void> {
  const output = await bundle(Object.fromEntries(handlerNames().map((name) => [name, join(LAMBDAS, `${name}.ts`)])), {
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  const chunks = new Map(output.map((file) => [file.fileName, file]))
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
  const folder = join(directory, 'proxy')
  mkdirSync(folder, { recursive: true })
  for (const { fileName, code } of await bundle(
    { mover: MOVER },
    { entryFileNames: '[name].mjs', codeSplitting: false },
  ))
    writeFileSync(join(folder, fileName), code)
}

const directory = resolve(process.argv[2] ?? 'dist/lambdas')
await build(directory)
await buildMover(directory)
