import type { PointIn } from '../contracts/records.ts'
import type { reservePoint as contract } from '../contracts/tasks.ts'
import { pointIdOf } from '../derived-ids.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { withMounts } from '../lsblk.ts'
import type { Catalog, Clock, Executions, Guests, Locks, Machines } from '../ports.ts'
import { discardAbandonedPoints, type DiscardPorts } from './discard-point.ts'
import { refuseHalfSwapped } from './settle-earlier-reverts.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends DiscardPorts {
  readonly catalog: Pick<Catalog, 'machine' | 'putMachine' | 'reservePoint' | 'points' | 'advancePoint' | 'reverts'>
  readonly machines: Pick<Machines, 'observe'>
  readonly executions: Pick<Executions, 'isRunning'>
  readonly locks: Pick<Locks, 'acquire'>
  readonly guests: Pick<Guests, 'result'>
  readonly clock: Clock
}

/**
 * Takes the machine's lock and writes the point, before anything is made that would have to be found again. Repeating it
 * reserves the same point: its id is made of the run, its time is the run's start.
 */
export const reservePoint =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, startedAt, mountsCommand }) => {
    const { catalog, locks, guests, clock } = ports
    await locks.acquire({ version: 1, machine, owner: run, takenAt: clock.now() })
    await refuseHalfSwapped(ports, machine)
    await discardAbandonedPoints(ports, machine, run)
    const inspected = await catalog.machine(machine)
    if (!inspected)
      throw new TandemError('ContractBroken', `${machine} was inspected, but the catalog does not have it.`)
    const seen = { ...inspected, disks: withMounts(inspected.disks, await mountsOf(guests, machine, mountsCommand)) }
    if (mountsCommand) await catalog.putMachine(seen)
    const point: PointIn<'reserved'> = {
      version: 1,
      state: 'reserved',
      point: await pointIdOf(run),
      machine,
      policy: seen.policy,
      run,
      reservedAt: startedAt,
      consistency: 'crash',
      configuration: seen.configuration,
      members: seen.disks,
      unprotected: seen.unprotected,
    }
    await catalog.reservePoint(point)
    return { point: point.point }
  }

/** What the guest said of its mounts; nothing when it said nothing. A machine is protected whether or not they are known. */
async function mountsOf(guests: Pick<Guests, 'result'>, machine: string, command: string | null): Promise<string> {
  if (!command) return ''
  try {
    return (await guests.result(machine, command)).output
  } catch (error) {
    if (isTandemError(error)) return ''
    throw error
  }
}
