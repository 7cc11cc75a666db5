import { join, resolve } from 'node:path'
import { synthesize } from '../../demo/synthesize.ts'

/** The cloud assembly of a deployment with a vault of its own, into which policy `hourly` copies once a day. */
export const copyingAssembly = (folder: string): Promise<string> =>
  synthesize(join(folder, 'assembly'), { policies: resolve(import.meta.dirname, 'copying-policies.json') })
