import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Account } from '../local/account.ts'

const COMMAND = resolve(import.meta.dirname, '../cli/tandem.ts')

/** What points an AWS SDK, and with it the `tandem` command, at an account. */
export const settingsOf = ({ endpoint, region }: Pick<Account, 'endpoint' | 'region'>): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
})

/** Runs the `tandem` command as a person would, in a process of its own, and returns what it prints. */
export function tandem(account: Account, words: readonly string[]): Promise<string> {
  return account.clock.holding(async () => {
    const command = spawn(process.execPath, [COMMAND, ...words], {
      env: { ...process.env, ...settingsOf(account) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output: Buffer[] = []
    command.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    command.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    const [code] = (await once(command, 'close')) as [number | null]
    const text = Buffer.concat(output).toString().trimEnd()
    if (code !== 0) throw new Error(`tandem ${words.join(' ')} failed:\n${text}`)
    return text
  })
}
