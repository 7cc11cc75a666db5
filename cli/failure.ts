import { isTandemError, TandemError } from '../core/errors.ts'
import type { RunStatus } from '../core/ports.ts'
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
  /** Not now: AWS did not answer or asked for patience, or the machine is between two states. Try again. */
  notNow: 4,
  /** Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A run that was waited for ended without success. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed'
  readonly run: string
  readonly status: RunStatus

  constructor(run: string, status: RunStatus) {
    super(status.cause ?? `The run ended as ${status.state}.`)
    this.run = run
    this.status = status
  }
}

/** Somebody pressed Ctrl-C; the message says what goes on and what does not. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

interface Failure {
  readonly error: string
  readonly message: string
  readonly kind: string
  readonly exitCode: ExitCode
  /** The run that failed. */
  readonly run?: string
}

const BY_KIND = { lost: EXIT.refused, wait: EXIT.notNow, bug: EXIT.unexpected } as const

/** Wrong words on the command line. */
export const invalidInput = (message: string): TandemError => new TandemError('InvalidInput', message)

function failureOf(error: unknown): Failure {
  if (isTandemError(error)) {
    const { name, message, kind } = error
    return { error: name, message, kind, exitCode: BY_KIND[kind] }
  }
  if (error instanceof RunFailed) {
    const { run, status, message } = error
    return { error: status.error ?? error.name, message, kind: 'run', run, exitCode: EXIT.attention }
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  if (error instanceof Interrupted) return { error: name, message, kind: 'interrupted', exitCode: EXIT.interrupted }
  return { error: name, message, kind: 'bug', exitCode: EXIT.unexpected }
}

export interface Telling {
  readonly json: boolean
  /** Also where in the code it happened, and what caused it. */
  readonly debug: boolean
}

/** Says on the error stream what went wrong, and returns the exit code for it. */
export function report(error: unknown, terminal: Terminal, { json, debug }: Telling): ExitCode {
  const { exitCode, ...failure } = failureOf(error)
  const { red, dim } = terminal.errColors
  const lines = [
    json ? JSON.stringify(failure) : `${red(`${failure.error}:`)} ${failure.message}`,
    ...(failure.run && !json ? [dim(`run ${failure.run}`)] : []),
    ...(debug ? stacksOf(error) : []),
    ...(!debug && !json && failure.kind === 'bug'
      ? [dim('Set TANDEM_DEBUG=1 to see where in the code it happened.')]
      : []),
  ]
  terminal.err(lines.join('\n'))
  return exitCode
}

/** The stack of an error and of each of its causes. */
function stacksOf(error: unknown): string[] {
  return error instanceof Error ? [error.stack ?? error.message, ...stacksOf(error.cause)] : []
}
