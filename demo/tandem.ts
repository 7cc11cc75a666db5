import { sleep, systemClock } from '../aws/clock.ts'
import { awsOperator } from '../aws/operator.ts'
import { runCommand } from '../cli/program.ts'
import { processTerminal } from '../cli/terminal.ts'
import type { Account } from '../local/account.ts'

/** What points an AWS SDK, and with it the `tandem` command, at an account. */
export const settingsOf = (
  { endpoint, region }: Pick<Account, 'endpoint' | 'region'>,
  accessKeyId = 'test',
): Record<string, string> => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: 'test',
})

/**
 * Runs the `tandem` command against the account and returns what it prints: the command itself, in this process to save memory.
 * @param accessKeyId of who runs it: the account's administrator unless told
 */
export function tandem(account: Account, words: readonly string[], accessKeyId?: string): Promise<string> {
  return account.clock.holding(async () => {
    Object.assign(process.env, settingsOf(account, accessKeyId))
    const printed: string[] = []
    const note = (text: string): void => void printed.push(text)
    const code = await runCommand(words, {
      terminal: { ...processTerminal(), isInteractive: false, out: note, err: note },
      operator: awsOperator,
      now: () => systemClock.now(),
      sleep,
      readFile: () => '',
    })
    if (code !== 0) throw new Error(`tandem ${words.join(' ')} failed:\n${printed.join('\n')}`)
    return printed.join('\n')
  })
}
