/** The agent's part: the steps of a document, one after the other, in a guest. */
import type { CommandInvocationStatus } from '@aws-sdk/client-ssm'
import type { Clock } from '../clock.ts'
import type { CommandResult, GuestProcess } from '../guests/guests.ts'
import type { ShellStep } from './document-content.ts'
import type { StepOutcome } from './model.ts'

const SECOND_MS = 1000

export interface CommandEnd {
  readonly status: CommandInvocationStatus
  readonly details: string
  readonly steps: StepOutcome[]
}

interface Around {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The steps as everybody sees them: that one is under way shows there, how it ended not before the agent's report. */
  readonly record: StepOutcome[]
}

async function runScript(
  script: string,
  step: ShellStep,
  guest: GuestProcess,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { workingDirectory, timeoutSeconds } = step
  try {
    return await guest.run(script, {
      timeoutMs: timeoutSeconds * SECOND_MS,
      signal,
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
    })
  } catch (error) {
    return { stdout: '', stderr: `${String(error)}\n`, exitCode: 1, endedBy: 'exit' }
  }
}

const STATUS_OF: Readonly<Record<CommandResult['endedBy'], [CommandInvocationStatus, string] | undefined>> = {
  timeout: ['TimedOut', 'ExecutionTimedOut'],
  cancel: ['Cancelled', 'Cancelled'],
  exit: undefined,
  kill: undefined,
}

async function runStep(
  step: ShellStep,
  guest: GuestProcess,
  around: Around,
  startedAtMs: number,
): Promise<StepOutcome> {
  const { clock, signal } = around
  if (step.script === undefined) {
    const skipped = 'Step execution skipped due to unsupported platform.'
    return { ...emptyStep(step), status: 'Success', statusDetails: 'Success', responseCode: 0, stdout: skipped }
  }
  const { stdout, stderr, exitCode, endedBy } = await runScript(step.script, step, guest, signal)
  const [status, statusDetails] = STATUS_OF[endedBy] ?? (exitCode === 0 ? ['Success', 'Success'] : ['Failed', 'Failed'])
  return {
    name: step.name,
    status,
    statusDetails,
    responseCode: exitCode,
    stdout,
    stderr: exitCode === 0 ? stderr : `${stderr}failed to run commands: exit status ${exitCode}`,
    startedAtMs,
    endedAtMs: clock.now(),
  }
}

const emptyStep = ({ name }: ShellStep): StepOutcome => ({
  name,
  status: 'Cancelled',
  statusDetails: 'Cancelled',
  responseCode: -1,
  stdout: '',
  stderr: '',
})

/**
 * A step that fails does not keep the next ones from running, unless it says `onFailure: exit`; the final step runs in any case.
 * How it went as a whole is how the worst of its steps went.
 */
export async function runSteps(steps: readonly ShellStep[], guest: GuestProcess, around: Around): Promise<CommandEnd> {
  const { clock, record, signal } = around
  const outcomes: StepOutcome[] = []
  let isLeaving = false
  let isForgiven = false
  for (const [index, step] of steps.entries()) {
    if (signal.aborted || (isLeaving && !step.isFinal)) {
      outcomes.push(emptyStep(step))
      continue
    }
    const startedAtMs = clock.now()
    const seen = record[index]
    if (seen) Object.assign(seen, { status: 'InProgress', statusDetails: 'InProgress', startedAtMs })
    const outcome = await runStep(step, guest, around, startedAtMs)
    outcomes.push(outcome)
    if (outcome.status === 'Success') isLeaving ||= step.onSuccess === 'exit'
    else {
      isLeaving ||= step.onFailure !== undefined
      isForgiven ||= step.onFailure === 'successAndExit'
    }
  }
  const bad = outcomes.find(({ status, startedAtMs }) => startedAtMs !== undefined && status !== 'Success')
  if (signal.aborted) return { status: 'Cancelled', details: 'Cancelled', steps: outcomes }
  if (!bad || isForgiven) return { status: 'Success', details: 'Success', steps: outcomes }
  return { status: bad.status, details: bad.statusDetails, steps: outcomes }
}
