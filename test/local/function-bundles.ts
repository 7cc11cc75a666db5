import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FunctionConfiguration } from '../../local/lambda/lambda.ts'

export const ROLE = 'arn:aws:iam::123456789012:role/worker'

/** Bundles of functions that a test writes, in a folder that goes with it. */
export class FunctionBundles implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lambda-'))

  /** A function of the given module; 20 seconds and 256 MiB unless told. */
  configuration(name: string, code: string, changes: Partial<FunctionConfiguration> = {}): FunctionConfiguration {
    const codeDirectory = join(this.#folder, name)
    mkdirSync(codeDirectory, { recursive: true })
    writeFileSync(join(codeDirectory, 'index.mjs'), code)
    return {
      name,
      codeDirectory,
      handler: 'index.handler',
      environment: {},
      roleArn: ROLE,
      timeoutSeconds: 20,
      memoryMiB: 256,
      runtime: 'nodejs24.x',
      ...changes,
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
