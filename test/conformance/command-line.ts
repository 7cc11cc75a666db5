import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Account } from '../../local/account.ts'

export interface Spoken {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A command that hangs is a defect of the account: nothing here takes longer, on a busy machine either. */
const PATIENCE_MS = 120_000
const LARGEST_OUTPUT_BYTES = 64 * 1024 * 1024
/** What the command may see of this process: nothing that could lead it to a real account. */
const SEARCH_PATH = process.env['PATH'] ?? ''

const run = (command: string, args: readonly string[], environment: Record<string, string>): Promise<Spoken> =>
  new Promise((resolve, reject) => {
    const options = { env: environment, timeout: PATIENCE_MS, maxBuffer: LARGEST_OUTPUT_BYTES }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })

/** The `aws` command of this machine that speaks up, with its version; undefined where there is none. */
export async function findCommand(): Promise<{ path: string; version: string } | undefined> {
  for (const directory of SEARCH_PATH.split(delimiter)) {
    const path = join(directory, 'aws')
    try {
      const { exitCode, stdout, stderr } = await run(path, ['--version'], { PATH: SEARCH_PATH })
      if (exitCode === 0) return { path, version: `${stdout}${stderr}`.trim() }
    } catch {
      // Not there, or not to be run: the next folder may have one.
    }
  }
  return undefined
}

export type CommandLine = (args: readonly string[], credentials?: Record<string, string>) => Promise<Spoken>

/**
 * The command against an account, as its administrator unless other credentials are given. Its home is an empty folder, so that
 * no file of this machine has a say.
 */
export function commandLine(path: string, { endpoint, region, credentials }: Account, home: string): CommandLine {
  mkdirSync(home, { recursive: true })
  const configuration = join(home, 'config')
  writeFileSync(configuration, '')
  const environment = {
    PATH: SEARCH_PATH,
    HOME: home,
    AWS_CONFIG_FILE: configuration,
    AWS_SHARED_CREDENTIALS_FILE: configuration,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '*',
  }
  return (args, others = {}) => run(path, ['--endpoint-url', endpoint, ...args], { ...environment, ...others })
}
