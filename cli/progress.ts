import { ERROR_KINDS } from '../core/errors.ts'
import { msBetween, plusMs } from '../core/instants.ts'
import type { RunStep } from '../core/ports.ts'
import { elapsed } from './ages.ts'
import type { Colors } from './terminal.ts'

/** What somebody who waits wants to know of the states that may take their time, or that change what happens. */
const NOTES: Readonly<Record<string, string>> = {
  DiscoverMachines: 'looks for the machines of the policy',
  ProtectMachines: 'waits for every machine of the policy',
  ReservePoint: 'waits if another run works on the machine',
  AwaitSnapshots: 'waits for EBS to copy the disks; the machine works on',
  PlanCopies: 'asks which vaults the point is to be copied to',
  DiscardPoint: 'the point failed; deletes its snapshots',
  PlanCopy: 'counts what the vault does not have; waits if another run makes the same copy',
  CopyDisks: 'copies the disks by the EBS direct APIs',
  RunProxies: 'launches proxies, which copy the disks',
  VerifyCopy: 'looks whether all of it is in the vault',
  CommitCopy: 'makes it a copy',
  DiscardCopy: 'the copy failed; ends its proxies',
  PlanRevert: 'checks what is in the way; waits if another run works on the machine',
  AwaitVolumes: 'waits for the new volumes; the machine works on',
  StopMachine: 'stops the machine, if it runs: the downtime begins',
  AwaitStopped: 'waits for the machine to stop',
  AttachDisks: 'waits for the disks that leave to be detached',
  StartMachine: 'starts the machine, if it ran before',
  AwaitRunning: 'waits for the machine to run',
  CheckMachine: 'waits for the status checks; the machine is up',
  TurnBack: 'something failed; from here on the disks are put back',
  DiscardRevert: 'the disks are as they were; deletes the new volumes',
}

/** `  0:42  AwaitStopped  waits for the machine to stop`, one line for each thing that happened. */
export function lineOf(step: RunStep, startedAt: string, { dim, yellow }: Colors): string {
  const time = elapsed(startedAt, step.at).padStart(7)
  if (step.kind === 'failed')
    return isWaitedFor(step.error)
      ? `${time}  ${dim(`not yet: ${step.error}: ${step.cause}`)}`
      : `${time}  ${yellow(`${step.error}:`)} ${step.cause}`
  const note = NOTES[step.state]
  return note ? `${time}  ${step.state.padEnd(16)}  ${dim(note)}` : `${time}  ${step.state}`
}

/** A task that finds the world not ready is tried again: nothing has gone wrong. */
const isWaitedFor = (error: string): boolean =>
  Object.entries(ERROR_KINDS).some(([name, kind]) => name === error && kind === 'wait')

/** True when a task fails again as it failed before: somebody who waits need not read it twice. */
export const isRepetition = (step: RunStep, before: RunStep | undefined): boolean =>
  step.kind === 'failed' && before?.kind === 'failed' && step.error === before.error

/** The state that a run is in. */
export interface Stay {
  readonly state: string
  /** When it was entered, by AWS's clock. */
  readonly at: string
  /** When we saw it, by our own clock: how long it has lasted is not to depend on two clocks agreeing. */
  readonly seenAt: string
}

/** The line that says, while nothing happens, that the run is alive: how long it took so far, and where it is. */
export function passingLine({ state, at, seenAt }: Stay, startedAt: string, now: string): string {
  const total = elapsed(startedAt, plusMs(at, msBetween(seenAt, now)))
  return `${total.padStart(7)}  … in ${state} for ${elapsed(seenAt, now)}`
}
