import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createColors } from 'picocolors'
import { settingsOf } from '../../demo/tandem.ts'
import { awsOperator } from '../../aws/operator.ts'
import type { ExitCode } from '../../cli/failure.ts'
import { runCommand } from '../../cli/program.ts'
import type { Account } from '../../local/account.ts'

/** What a command line printed, and how it ended. */
export interface Outcome {
  readonly exitCode: ExitCode
  readonly out: string
  readonly err: string
}

export interface Person {
  /** What is typed at a question; without it nobody is there to be asked. */
  readonly answer?: string
  /** Ctrl-C is pressed when the command has looked this many times. */
  readonly interruptAtLook?: number
}

/** Runs command lines in this process, in the account's time: the clock stands still but for the pauses of `--wait`. */
export function desk(account: Account): (words: string, person?: Person) => Promise<Outcome> {
  Object.assign(process.env, settingsOf(account))
  const { clock } = account
  return async (words, { answer, interruptAtLook } = {}) => {
    const printed = { out: [] as string[], err: [] as string[] }
    let lookCount = 0
    let interrupt: (() => void) | undefined
    let hasEnded = false
    let release = clock.hold()
    try {
      const exitCode = await runCommand(words.split(' '), {
        terminal: {
          isInteractive: answer !== undefined,
          outColors: createColors(false),
          errColors: createColors(false),
          out: (text) => void printed.out.push(text),
          err: (text) => void printed.err.push(text),
          ask: async (question) => {
            printed.err.push(question)
            return answer ?? ''
          },
          onInterrupt: (act) => {
            interrupt = act
            return () => {
              interrupt = undefined
            }
          },
        },
        now: () => new Date(clock.now()).toISOString(),
        operator: async (deployment) => ({
          ...(await awsOperator(deployment)),
          clock: { now: () => new Date(clock.now()).toISOString() },
        }),
        sleep: async (ms) => {
          lookCount += 1
          if (lookCount === interruptAtLook) interrupt?.()
          release()
          await clock.sleep(ms)
          // A pause that was interrupted outlives its command.
          if (!hasEnded) release = clock.hold()
        },
        readFile: (path) => FILES[path] ?? '',
      })
      return { exitCode, out: printed.out.join('\n'), err: printed.err.join('\n') }
    } finally {
      hasEnded = true
      release()
    }
  }
}

const FILES: Readonly<Record<string, string>> = {
  'policies.json': JSON.stringify({
    policies: {
      hourly: { schedule: 'rate(1 hour)' },
      nightly: { schedule: 'cron(0 2 * * ? *)', timeZone: 'Europe/Berlin', spreadMinutes: 30, keepReplacedDays: 14 },
    },
  }),
  'expiring.json': readFileSync(resolve(import.meta.dirname, '../scenarios/expiring-policies.json'), 'utf8'),
  'wrong.json': JSON.stringify({ policies: { hourly: { schedule: 'now and then', keepReplacedDays: 0 } } }),
}
