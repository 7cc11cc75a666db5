import { join, resolve } from 'node:path'
import { synthesize } from '../../demo/synthesize.ts'

/** Made with the assembly of all scenarios, which is there before any of them runs: two files must not bundle at once. */
const BUNDLES = resolve(import.meta.dirname, '../../dist/lambdas')

/** The cloud assembly of a deployment with a vault of its own, into which policy `hourly` copies once a day. */
export const copyingAssembly = (folder: string): Promise<string> =>
  synthesize(join(folder, 'assembly'), {
    bundles: BUNDLES,
    policies: resolve(import.meta.dirname, 'copying-policies.json'),
  })
