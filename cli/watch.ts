import type { Operator } from '../aws/operator.ts'
import { isTandemError } from '../core/errors.ts'
import type { RunStatus, RunStep } from '../core/ports.ts'
import { print, type CommonOptions, type Context } from './context.ts'
import { Interrupted, RunFailed } from './failure.ts'
import { isRepetition, lineOf, passingLine, type Stay } from './progress.ts'

const LOOK_INTERVAL_MS = 2000
/** Behind the time and the state's name of the lines above. */
const PROGRESS_COLUMN = 27
/** One minute without an answer of AWS, beyond what the SDK repeats by itself. */
const SILENT_LOOKS_LIMIT = 30

/** How far the work of a run is, for people; undefined while nothing is known. */
export type Progress = () => Promise<string | undefined>

/** Says what was started and, if asked to, stays with it to its end. Throws RunFailed when that is not success, Interrupted at Ctrl-C. */
export async function followRun(
  context: Context,
  operator: Operator,
  run: string,
  options: CommonOptions & { readonly wait: boolean },
  progress?: Progress,
): Promise<void> {
  if (!options.wait) {
    print(context, options, { run, state: 'running' }, () => `Started ${run}\n${howToWatch(run)}`)
    return
  }
  const status = await watch(context, operator, run, options, progress)
  if (options.json) print(context, options, { run, ...status }, () => '')
  if (status.state !== 'succeeded') throw new RunFailed(run, status)
  if (!options.json) context.terminal.out(describe(context, status))
}

const howToWatch = (run: string): string =>
  `See how it is doing in the Step Functions console, or with: aws stepfunctions describe-execution --execution-arn ${run}`

async function watch(
  context: Context,
  operator: Operator,
  run: string,
  { json }: CommonOptions,
  progress?: Progress,
): Promise<RunStatus> {
  const { terminal } = context
  const { promise: interrupted, resolve } = Promise.withResolvers<'interrupted'>()
  const ignore = terminal.onInterrupt(() => resolve('interrupted'))
  // Only now: who presses it as soon as it is said must be heard.
  if (!json) terminal.err(terminal.errColors.dim(`${run}\nThe run goes on by itself: Ctrl-C only ends the watching.`))
  const watcher = new Watcher(context, operator, run, json ? undefined : progress, json)
  try {
    for (;;) {
      const next = await Promise.race([watcher.look(), interrupted])
      if (typeof next === 'object') return next
      const pause = next === 'interrupted' ? next : await Promise.race([context.sleep(LOOK_INTERVAL_MS), interrupted])
      if (pause === 'interrupted') throw new Interrupted(`The run goes on. ${howToWatch(run)}`)
    }
  } finally {
    ignore()
  }
}

/** What has been seen of a run so far. */
class Watcher {
  readonly #context: Context
  readonly #operator: Operator
  readonly #run: string
  readonly #progress: Progress | undefined
  readonly #silent: boolean
  #startedAt = ''
  #last: RunStep | undefined
  #stay: Stay | undefined
  #unanswered = 0
  #told: string | undefined

  constructor(context: Context, operator: Operator, run: string, progress: Progress | undefined, silent: boolean) {
    this.#context = context
    this.#operator = operator
    this.#run = run
    this.#progress = progress
    this.#silent = silent
  }

  /** Tells what is new; the status, once the run is over. */
  async look(): Promise<RunStatus | undefined> {
    try {
      // The status first: when it is final, the history that is read after it is whole.
      const status = await this.#operator.runs.describe(this.#run)
      if (!this.#silent) this.#tell(await this.#operator.runs.steps(this.#run, this.#last?.event))
      await this.#tellProgress()
      this.#unanswered = 0
      return status.state === 'running' ? undefined : status
    } catch (error) {
      // The run does not stop because we cannot see it.
      this.#unanswered += 1
      if (!isTandemError(error, 'AwsThrottled', 'AwsUnavailable') || this.#unanswered > SILENT_LOOKS_LIMIT) throw error
      return undefined
    }
  }

  async #tellProgress(): Promise<void> {
    const text = await this.#progress?.()
    if (text === undefined || text === this.#told) return
    this.#told = text
    const { terminal } = this.#context
    terminal.err(terminal.errColors.dim(`${' '.repeat(PROGRESS_COLUMN)}${text}`))
  }

  #tell(steps: readonly RunStep[]): void {
    const { terminal } = this.#context
    const now = this.#operator.clock.now()
    for (const step of steps) {
      this.#startedAt ||= step.at
      if (!isRepetition(step, this.#last)) terminal.err(lineOf(step, this.#startedAt, terminal.errColors))
      if (step.kind === 'entered') this.#stay = { ...step, seenAt: now }
      this.#last = step
    }
    if (this.#stay) terminal.passing?.(passingLine(this.#stay, this.#startedAt, now))
  }
}

function describe({ terminal }: Context, { state, output }: RunStatus): string {
  const facts: [string, unknown][] = typeof output === 'object' && output !== null ? Object.entries(output) : []
  const told = facts.filter(([, value]) => !Array.isArray(value) || value.length > 0)
  const lines = told.map(([name, value]) => `  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return [terminal.outColors.green(state), ...lines].join('\n')
}
