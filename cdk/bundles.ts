import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { rolldown, type OutputChunk } from 'rolldown'

const LAMBDAS = resolve(import.meta.dirname, '../lambdas')

/** Handler files: every file of `lambdas/` but the wrapper that they share. */
export const handlerNames = (): string[] =>
  readdirSync(LAMBDAS)
    .filter((file) => file.endsWith('.ts') && file !== 'task.ts')
    .map((file) => basename(file, '.ts'))

/**
 * Bundles every handler into a folder of its own below `directory`, ready to be a Lambda's asset: `index.mjs` and the chunks
 * that it loads, directly or not. The SDK is bundled rather than taken from the runtime, so that what was tested is what runs.
 *
 * All handlers go through one build, which reads the SDK once; what they share is in chunks, which each folder gets a copy of.
 */
export async function bundleHandlers(directory: string): Promise<(name: string) => string> {
  const build = await rolldown({
    input: Object.fromEntries(handlerNames().map((name) => [name, join(LAMBDAS, `${name}.ts`)])),
    platform: 'node',
    // The ES modules of the SDK can be shaken: EC2's schemas alone are 1.3 MB, of which a handler needs a few percent.
    resolve: { mainFields: ['module', 'main'] },
    treeshake: { propertyReadSideEffects: false },
  })
  const { output } = await build.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  })
  await build.close()
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])))
  rmSync(directory, { recursive: true, force: true })
  for (const name of handlerNames()) {
    const folder = join(directory, name)
    mkdirSync(folder, { recursive: true })
    for (const { fileName, code, isEntry } of withImports(`${name}.mjs`, chunks))
      writeFileSync(join(folder, isEntry ? 'index.mjs' : fileName), code)
  }
  return (name) => join(directory, name)
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
