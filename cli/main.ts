/** The `tandem` command in a terminal. */
import { readFileSync } from 'node:fs'
import { sleep, systemClock } from '../aws/clock.ts'
import { TandemError } from '../core/errors.ts'
import { runCommand } from './program.ts'
import { processTerminal } from './terminal.ts'

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new TandemError('PolicyFileInvalid', `${path} cannot be read: ${message}`, { cause: error })
  }
}

// `tandem points … | head` closes our output before we are done with it; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await runCommand(process.argv.slice(2), {
  terminal: processTerminal(),
  // The SDK takes longer to load than a command for a vault takes that needs none of it.
  operator: async (deployment) => (await import('../aws/operator.ts')).awsOperator(deployment),
  now: () => systemClock.now(),
  sleep,
  readFile,
})
