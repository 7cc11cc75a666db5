import colors from 'picocolors'
import { isTandemError } from '../core/errors.ts'
import type { Terminal } from './terminal.ts'

/** What the command's exit code means; `tandem --help` and docs/cli.md say the same. */
export const EXIT = {
  done: 0,
  /** Ours: a defect, or something of AWS that we do not know. */
  unexpected: 1,
  /** The input was wrong, or what was asked for was refused. Nothing was changed. */
  refused: 2,
  /** `status` found something, or a run that was waited for did not succeed. */
  attention: 3,
  /** AWS did not answer, or asked for patience. Try again. */
  unavailable: 4,
} as const

/** A run that was waited for and did not succeed: it has told so itself. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
}

/** Says what went wrong and returns the exit code for it. */
export function report(error: unknown, terminal: Terminal, json: boolean): number {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const known = isTandemError(error) ? error : undefined
  if (!(error instanceof RunFailed))
    terminal.err(
      json
        ? JSON.stringify({ error: name, message, kind: known?.kind ?? 'bug' })
        : `${colors.red(`${name}:`)} ${message}${known ? '' : `\n${error instanceof Error ? (error.stack ?? '') : ''}`}`,
    )
  if (error instanceof RunFailed) return EXIT.attention
  if (known?.kind === 'lost') return EXIT.refused
  return known?.kind === 'wait' ? EXIT.unavailable : EXIT.unexpected
}
