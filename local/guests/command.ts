/** A command inside a guest, as its SSM agent would run it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'

export interface CommandOptions {
  /** By the account's time as well as by ours: the one passes while the script sleeps, the other while it works. */
  readonly timeoutMs: number
  /** Inside the guest's root: `/data` is `$GUEST_ROOT/data`. Default is the root itself. */
  readonly workingDirectory?: string
  readonly signal?: AbortSignal
}

export interface CommandResult {
  /** At most the first 64 KiB. */
  readonly stdout: string
  readonly stderr: string
  /** The shell's exit code, or 128 + signal when it was killed. */
  readonly exitCode: number
  /** Why it ended: by itself, at its time limit, cancelled by `signal`, or killed from elsewhere (the guest was stopped). */
  readonly endedBy: 'exit' | 'timeout' | 'cancel' | 'kill'
}

const OUTPUT_LIMIT_BYTES = 64 * 1024
/** What a timer of Node.js takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
const SIGKILL_EXIT_CODE = 128 + 9

function readStart(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(OUTPUT_LIMIT_BYTES)
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(file)
  }
}

export interface CommandPlace {
  readonly clock: Clock
  readonly root: string
  readonly environment: NodeJS.ProcessEnv
  readonly prelude: string
  readonly outputFolder: string
  readonly started: (pid: number, ended: Promise<unknown>) => void
}

/**
 * Runs a shell script in a session of its own and resolves when the shell has ended, without waiting for what it left in the
 * background: its output goes to files, as the real agent's does, so that nobody's pipe breaks.
 *
 * @param outputFolder a new folder for the script's output
 * @param place.prelude what bash does before the script
 * @param place.started is told the process id of the session's leader before the script can do anything that matters
 */
export async function runCommand(
  command: string,
  options: CommandOptions,
  place: CommandPlace,
): Promise<CommandResult> {
  mkdirSync(place.outputFolder, { recursive: true })
  const stdoutPath = join(place.outputFolder, 'stdout')
  const stderrPath = join(place.outputFolder, 'stderr')
  const files = [openSync(stdoutPath, 'w'), openSync(stderrPath, 'w')]
  const child = spawn('/bin/bash', ['-c', `${place.prelude}${command}`], {
    cwd: join(place.root, options.workingDirectory ?? '.'),
    detached: true,
    env: place.environment,
    stdio: ['ignore', ...files],
  })
  for (const file of files) closeSync(file)
  const ended = once(child, 'exit')
  if (child.pid !== undefined) place.started(child.pid, ended)

  let killedFor: 'timeout' | 'cancel' | undefined
  const kill = (reason: 'timeout' | 'cancel'): void => {
    killedFor ??= reason
    // One that slept does not hold the clock; that it dies takes our time, not the account's.
    void place.clock.holding(() => ended).catch(() => {})
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  const cancel = (): void => kill('cancel')
  const timer = setTimeout(() => kill('timeout'), Math.min(options.timeoutMs, LONGEST_TIMER_MS))
  const cancelTimer = place.clock.after(options.timeoutMs, () => kill('timeout'), { background: true })
  options.signal?.addEventListener('abort', cancel)
  if (options.signal?.aborted) cancel()
  try {
    const [code, signal]: (number | string | null)[] = await ended
    return {
      stdout: readStart(stdoutPath),
      stderr: readStart(stderrPath),
      exitCode: typeof code === 'number' ? code : SIGKILL_EXIT_CODE,
      endedBy: signal === null || signal === undefined ? 'exit' : (killedFor ?? 'kill'),
    }
  } finally {
    clearTimeout(timer)
    cancelTimer()
    options.signal?.removeEventListener('abort', cancel)
  }
}
