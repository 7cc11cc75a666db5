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
  }
}

/** The first assembly makes them, and the second takes them: two must not bundle at once. */
const BUNDLES = resolve(import.meta.dirname, '../dist/lambdas')
const COPYING_POLICIES = resolve(import.meta.dirname, 'scenarios/copying-policies.json')

/** Synthesises once for all scenarios: the templates and the bundles that would go to AWS. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-assembly-'))
  provide('assembly', await synthesize(join(directory, 'plain')))
  provide(
    'copyingAssembly',
    await synthesize(join(directory, 'copying'), { bundles: BUNDLES, policies: COPYING_POLICIES }),
  )
  return () => rmSync(directory, { recursive: true, force: true })
}
