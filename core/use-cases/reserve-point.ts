import type { PointIn } from '../contracts/records.ts'
import type { reservePoint as contract } from '../contracts/tasks.ts'
import { pointIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import { withMounts } from '../lsblk.ts'
import type { Catalog, Clock, Executions, Guests, Locks } from '../ports.ts'
import { discardAbandonedPoints, type DiscardPorts } from './discard-point.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends DiscardPorts {
  readonly catalog: Pick<Catalog, 'machine' | 'putMachine' | 'reservePoint' | 'points' | 'advancePoint'>
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
    await discardAbandonedPoints(ports, machine, run)
    const inspected = await catalog.machine(machine)
    if (!inspected)
      throw new TandemError('ContractBroken', `${machine} was inspected, but the catalog does not have it.`)
    const seen = mountsCommand
      ? { ...inspected, disks: withMounts(inspected.disks, (await guests.result(machine, mountsCommand)).output) }
      : inspected
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
