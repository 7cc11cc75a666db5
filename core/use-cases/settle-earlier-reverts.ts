import type * as z from 'zod'
import type { Failure, RevertRecord } from '../contracts/records.ts'
import type { revertInput } from '../contracts/tasks.ts'
import { revertIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import type { Catalog, Executions, Ledger, Machines } from '../ports.ts'
import { isFinalRevert } from '../record-states.ts'
import { isInPlace, remainsOf } from '../swap.ts'
import { discard, finish, type EndRevertPorts } from './end-revert.ts'

export interface SettlePorts extends EndRevertPorts {
  readonly executions: Pick<Executions, 'isRunning'>
  readonly catalog: EndRevertPorts['catalog'] & Pick<Catalog, 'reverts' | 'adoptRevert'>
  readonly ledger: EndRevertPorts['ledger'] & Pick<Ledger, 'open'>
}

export interface Settled {
  /** The revert that the caller's run goes on with. */
  readonly resumed?: RevertRecord
  /** A dead run stopped the machine, which ran before: whoever comes next has to start it, for it will look as if it had been stopped. */
  readonly leftStopped: boolean
  /**
   * Reverts to discard, once the caller's own revert is in the catalog: until then they are all that tells that the machine was
   * stopped by us, and a try that fails in between must not lose it.
   */
  readonly abandoned: readonly RevertRecord[]
}

type Request = z.output<typeof revertInput>

/**
 * Settles what runs that are dead left open on this machine; the caller holds its lock.
 *
 * - All new disks in place and the machine as it was: only the bookkeeping is missing, and is done now.
 * - All old disks in place: nothing happened to the machine, and what was made is the caller's to discard.
 * - Some of each, or all new ones in a machine that was not started again: it must not stay so. The revert is handed over to the
 *   caller's run, which goes on with it, for every state of it can be repeated. A request for another target is refused until
 *   that is done: RevertUnfinished.
 */
export async function settleEarlierReverts(ports: SettlePorts, request: Request, run: string): Promise<Settled> {
  let leftStopped = false
  const abandoned: RevertRecord[] = []
  const open = (await ports.catalog.reverts(request.machine)).filter((revert) => !isFinalRevert(revert))
  // A try of this very run that failed later, or whose answer was lost: what it planned or adopted stands.
  let resumed: RevertRecord | undefined = open.find((revert) => revert.run === run)
  for (const revert of open) {
    if (revert.run === run || (await ports.executions.isRunning(revert.run))) continue
    const observed = await ports.machines.observe(request.machine)
    if (observed.power !== 'running' && observed.power !== 'stopped')
      throw new TandemError(
        'MachineInTransition',
        `${request.machine} is ${observed.power}, as ${revert.revert} left it.`,
      )
    const { standing, wasStopped } = remainsOf(revert, observed)
    if (standing === 'before') {
      leftStopped ||= wasStopped
      abandoned.push(revert)
    } else if (standing === 'after') await finish(ports, revert)
    else if (resumed && !(await isMerePlan(resumed, run))) continue
    else {
      // The dead run's last Lambda was still at work when the plan was made: what it saw in place is not any more.
      if (resumed) await discard(ports, resumed, overtakenBy(revert))
      if (!leadsWhere(revert, request)) throw unfinished(revert)
      resumed = await adopt(ports, revert, run)
    }
  }
  return { leftStopped, abandoned, ...(resumed ? { resumed } : {}) }
}

/**
 * Refuses a machine that a dead run left with some disks of one set and some of another: a point of it would restore a machine that
 * never was. The caller holds the lock, so nobody is swapping now. Throws RevertUnfinished.
 */
export async function refuseHalfSwapped(
  ports: { readonly catalog: Pick<Catalog, 'reverts'>; readonly machines: Pick<Machines, 'observe'> },
  machine: string,
): Promise<void> {
  const swapping = (await ports.catalog.reverts(machine)).filter(({ state }) => state === 'swapping')
  if (swapping.length === 0) return
  const observed = await ports.machines.observe(machine)
  for (const revert of swapping)
    if (!isInPlace(revert, observed, 'forward') && !isInPlace(revert, observed, 'back')) throw unfinished(revert)
}

/** Deletes what dead runs made for reverts that changed nothing. Repeating it changes nothing. */
export async function discardAbandonedReverts(
  ports: SettlePorts,
  abandoned: readonly RevertRecord[],
  run: string,
): Promise<void> {
  for (const revert of abandoned)
    await discard(ports, revert, { error: 'RunEnded', cause: `Its run ended before it did; tidied up by ${run}.` })
}

/** Of this run's own revert: nothing has been made or moved for it yet. */
const isMerePlan = async ({ revert, state }: RevertRecord, run: string): Promise<boolean> =>
  state === 'planned' && revert === (await revertIdOf(run))

const overtakenBy = ({ revert }: RevertRecord): Failure => ({
  error: 'LostRace',
  cause: `${revert}, of a run that is over, had begun to swap the disks: it is gone on with instead.`,
})

async function adopt(ports: SettlePorts, revert: RevertRecord, run: string): Promise<RevertRecord> {
  for (const entry of await ports.ledger.ofRun(revert.run)) {
    await ports.ledger.open({ ...entry, run })
    await ports.ledger.close(entry)
  }
  return ports.catalog.adoptRevert(revert, run)
}

/** True when an unfinished revert leads where the request wants to go; a request without a target of its own goes along. */
function leadsWhere({ target }: RevertRecord, { point, undo }: Request): boolean {
  if (undo) return target.kind === 'undo'
  return point === undefined || (target.kind === 'point' && target.point === point)
}

function unfinished({ revert, machine, target }: RevertRecord): TandemError {
  const again = target.kind === 'point' ? `--point ${target.point}` : '--undo'
  return new TandemError(
    'RevertUnfinished',
    `${revert} of ${machine} stopped half way: not every disk is swapped, or the machine was not started again. Finish it first with: tandem revert ${machine} ${again}`,
  )
}
