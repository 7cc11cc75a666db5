import type { OutputChunk, OutputOptions } from 'rolldown'

// A thread less is 80 MB less; the bundler's native part reads these when it is loaded.
process.env['TOKIO_WORKER_THREADS'] = '1'
process.env['RAYON_NUM_THREADS'] = '1'
process.env['ROLLDOWN_WORKER_THREADS'] = '1'
const { rolldown } = await import('rolldown')

/**
 * Bundles files for Node, with all that they import, as ES modules (ADR 0009).
 * @param input files by the names that they shall have
 * @returns the files of the bundle, in memory
 */
export async function bundle(
  input: Readonly<Record<string, string>>,
  output: Pick<OutputOptions, 'entryFileNames' | 'chunkFileNames' | 'codeSplitting'>,
): Promise<OutputChunk[]> {
  // The ES modules of the SDK can be shaken: EC2's schemas alone are 1.3 MB, of which a handler needs a few percent.
  const bundler = await rolldown({
    input,
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    treeshake: { propertyReadSideEffects: false },
  })
  const bundled = await bundler.generate({ format: 'esm', minify: true, ...output })
  await bundler.close()
  return bundled.output.filter((file) => file.type === 'chunk')
}
