import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { synthesize } from '../demo/synthesize.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The cloud assembly that every scenario deploys. */
    assembly: string
    /** That of a deployment with a vault of its own, into which policy `hourly` copies once a day. */
    copyingAssembly: string
    /** That of one with two, in which copies expire. */
    expiringAssembly: string
  }
}

/** The first assembly makes them, and the others take them: two must not bundle at once. */
const BUNDLES = resolve(import.meta.dirname, '../dist/lambdas')

/** Synthesises once for all scenarios: the templates and the bundles that would go to AWS. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-assembly-'))
  provide('assembly', await synthesize(join(directory, 'plain')))
  const [copying, expiring] = await Promise.all(
    ['copying', 'expiring'].map((name) =>
      synthesize(join(directory, name), {
        bundles: BUNDLES,
        policies: resolve(import.meta.dirname, `scenarios/${name}-policies.json`),
      }),
    ),
  )
  provide('copyingAssembly', copying ?? '')
  provide('expiringAssembly', expiring ?? '')
  return () => rmSync(directory, { recursive: true, force: true })
}
