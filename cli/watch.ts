import colors from 'picocolors'
import type { Operator } from '../aws/operator.ts'
import type { RunStatus } from '../core/ports.ts'
import type { CommonOptions, Context } from './context.ts'
import { print } from './context.ts'
import { RunFailed } from './failure.ts'

const LOOK_INTERVAL_MS = 2000
const SECOND_MS = 1000

/** What somebody who waits wants to know of the states that take their time. */
const WAITING_FOR: Readonly<Record<string, string>> = {
  ProtectMachines: 'every machine of the policy',
  AwaitSnapshots: 'EBS to copy the disks; the machine goes on working',
  AwaitVolumes: 'the new volumes; the machine goes on working',
  AwaitStopped: 'the machine to stop; downtime begins',
  AttachDisks: 'the disks to be swapped',
  AwaitRunning: 'the machine to run',
  CheckMachine: 'the status checks; the machine runs already',
}

/** Says what was started, and, if asked to, stays with it to its end. Throws RunFailed when that is not success. */
export async function followRun(
  context: Context,
  operator: Operator,
  run: string,
  options: CommonOptions & { readonly wait: boolean },
): Promise<void> {
  if (!options.wait) {
    print(context, options, { run }, () => `Started ${run}\nWatch it in the Step Functions console, or use --wait.`)
    return
  }
  const status = await watch(context, operator, run, options)
  print(context, options, { run, ...status }, () => describe(status))
  if (status.state !== 'succeeded') throw new RunFailed()
}

async function watch(context: Context, operator: Operator, run: string, { json }: CommonOptions): Promise<RunStatus> {
  if (!json) context.terminal.err(colors.dim(`${run}\nIt goes on by itself: Ctrl-C only stops watching.`))
  let shownCount = 0
  for (;;) {
    const status = await operator.runs.describe(run)
    const steps = await operator.runs.steps(run)
    const startedAt = steps[0]?.at ?? ''
    for (const { state, at } of json ? [] : steps.slice(shownCount)) {
      const seconds = Math.round((Date.parse(at) - Date.parse(startedAt)) / SECOND_MS)
      const reason = WAITING_FOR[state] ? colors.dim(`  waits for ${WAITING_FOR[state]}`) : ''
      context.terminal.err(`${`+${seconds} s`.padStart(8)}  ${state}${reason}`)
    }
    shownCount = steps.length
    if (status.state !== 'running') return status
    await context.sleep(LOOK_INTERVAL_MS)
  }
}

function describe({ state, output, error, cause }: RunStatus): string {
  if (state !== 'succeeded') return `${colors.red(`${state}: ${error ?? 'no error given'}`)}\n${cause ?? ''}`.trimEnd()
  const facts = typeof output === 'object' && output !== null ? Object.entries(output) : []
  return [colors.green('succeeded'), ...facts.map(([name, value]) => `  ${name}: ${String(value)}`)].join('\n')
}
