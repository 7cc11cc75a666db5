import { createColors } from 'picocolors'
import type { ExitCode } from '../../cli/failure.ts'
import { runCommand } from '../../cli/program.ts'

export interface Ended {
  readonly exitCode: ExitCode
  readonly out: string
  readonly err: string
}

/** Runs `tandem <words>` in this process; nobody is there to be asked. */
export async function tandem(words: string, now = '2026-11-23T10:00:00Z'): Promise<Ended> {
  const printed = { out: [] as string[], err: [] as string[] }
  const exitCode = await runCommand(words.replace(/^tandem /, '').split(' '), {
    terminal: {
      isInteractive: false,
      outColors: createColors(false),
      errColors: createColors(false),
      out: (text) => void printed.out.push(text),
      err: (text) => void printed.err.push(text),
      ask: async () => '',
      onInterrupt: () => () => {},
    },
    operator: async () => {
      throw new Error('a vault needs no deployment')
    },
    now: () => now,
    sleep: async () => {},
    readFile: () => '',
  })
  return { exitCode, out: printed.out.join('\n'), err: printed.err.join('\n') }
}
