import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { synthesize } from '../demo/synthesize.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The cloud assembly that every scenario deploys. */
    assembly: string
  }
}

/** Synthesises once for all scenarios: the template and the bundles that would go to AWS. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-assembly-'))
  provide('assembly', await synthesize(directory))
  return () => rmSync(directory, { recursive: true, force: true })
}
