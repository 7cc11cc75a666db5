import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** Name of the stack, and of the deployment: what the CDK app uses unless told otherwise. */
export const STACK = 'tandem'

/**
 * Synthesises the CDK app, as `npm run synth` does but in a process of its own and without the CLI around it, and returns the
 * folder of the cloud assembly. Throws with the app's own words when it fails.
 *
 * @param context of the CDK app: `bundles`, the folder with the handlers' bundles when they have been made already, and `policies`,
 * another file than the default
 */
export async function synthesize(
  directory = resolve(ROOT, 'cdk.out'),
  context: { readonly bundles?: string; readonly policies?: string } = {},
): Promise<string> {
  const app = spawn(process.execPath, ['cdk/app.ts'], {
    cwd: ROOT,
    // The CDK's own validation of the template only warns, and takes 300 MB; `npm run synth` has it.
    env: {
      ...process.env,
      CDK_OUTDIR: directory,
      CDK_VALIDATION: 'false',
      CDK_CONTEXT_JSON: JSON.stringify(context),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const words: Buffer[] = []
  app.stdout.on('data', (chunk: Buffer) => words.push(chunk))
  app.stderr.on('data', (chunk: Buffer) => words.push(chunk))
  const [code] = (await once(app, 'close')) as [number | null]
  if (code !== 0) throw new Error(`The CDK app could not be synthesised:\n${Buffer.concat(words).toString()}`)
  return directory
}
