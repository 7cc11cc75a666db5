import type { RevertRecord } from '../contracts/records.ts'
import type * as tasks from '../contracts/tasks.ts'
import { TandemError } from '../errors.ts'
import type { Catalog, Clock, Machines } from '../ports.ts'
import { isInPlace, sidesOf, type Direction } from '../swap.ts'
import { requireRevert } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

/**
 * The swap, state by state. Each works in both directions and asks EC2 only for what is not so already, so that it can be
 * repeated, and so that the way back is the way that every revert takes.
 */
interface Ports {
  readonly machines: Pick<
    Machines,
    | 'observe'
    | 'health'
    | 'ensureStopping'
    | 'ensureStarting'
    | 'ensureDetaching'
    | 'ensureAttaching'
    | 'setDeleteOnTermination'
  >
  readonly catalog: Pick<Catalog, 'revert' | 'advanceRevert'>
  readonly clock: Clock
}

/** Marks the revert as swapping before the machine stops: from then on somebody has to put the disks back if the run dies. */
export const stopMachine =
  (
    ports: Pick<Ports, 'catalog' | 'clock'> & { machines: Pick<Machines, 'ensureStopping'> },
  ): TaskOf<typeof tasks.stopMachine> =>
  async ({ machine, revert: id, direction }) => {
    const revert = await requireRevert(ports.catalog, machine, id)
    if (direction === 'forward' && revert.state === 'planned')
      await ports.catalog.advanceRevert(['planned'], {
        ...revert,
        state: 'swapping',
        swapStartedAt: ports.clock.now(),
      })
    await ports.machines.ensureStopping(machine)
    return {}
  }

export const detachDisks =
  (ports: Pick<Ports, 'catalog'> & { machines: Pick<Machines, 'ensureDetaching'> }): TaskOf<typeof tasks.detachDisks> =>
  async ({ machine, revert: id, direction }) => {
    const { disks } = await requireRevert(ports.catalog, machine, id)
    for (const { leaving } of disks.map((disk) => sidesOf(disk, direction)))
      if (leaving) await ports.machines.ensureDetaching(machine, leaving)
    return {}
  }

/** Throws DisksStillMoving until every disk is in place and at rest. */
export const attachDisks =
  (
    ports: Pick<Ports, 'catalog'> & {
      machines: Pick<Machines, 'observe' | 'ensureAttaching' | 'setDeleteOnTermination'>
    },
  ): TaskOf<typeof tasks.attachDisks> =>
  async ({ machine, revert: id, direction }) => {
    const revert = await requireRevert(ports.catalog, machine, id)
    const sides = revert.disks.map((disk) => sidesOf(disk, direction))
    for (const { device, entering } of sides) {
      if (!entering) throw new TandemError('VolumeMissing', `The volume for ${device} of ${machine} was never made.`)
      await ports.machines.ensureAttaching(machine, device, entering)
    }
    const observed = await ports.machines.observe(machine)
    if (!isInPlace(revert, observed, direction))
      throw new TandemError('DisksStillMoving', `The disks of ${machine} are still being attached.`)
    // Attaching resets the flag (AWS facts A.14); only those that differ are set again.
    const flags = sides.filter(({ device, deleteOnTermination }) =>
      observed.attachments.some(
        (attachment) => attachment.device === device && attachment.deleteOnTermination !== deleteOnTermination,
      ),
    )
    if (flags.length > 0)
      await ports.machines.setDeleteOnTermination(
        machine,
        Object.fromEntries(flags.map(({ device, deleteOnTermination }) => [device, deleteOnTermination])),
      )
    return {}
  }

/** A machine that was stopped when the revert began stays stopped. */
export const startMachine =
  (
    ports: Pick<Ports, 'catalog'> & { machines: Pick<Machines, 'observe' | 'ensureStarting'> },
  ): TaskOf<typeof tasks.startMachine> =>
  async ({ machine, revert: id }) => {
    const { wasRunning } = await requireRevert(ports.catalog, machine, id)
    if (!wasRunning) return {}
    await ports.machines.ensureStarting(machine)
    const { power, stateReason } = await ports.machines.observe(machine)
    if (power === 'stopped') {
      // A stale read still shows the stop that we asked for; a start that failed shows another reason (AWS facts A.17, A.19).
      if (stateReason === undefined || stateReason.startsWith('Client.UserInitiated'))
        throw new TandemError('NotVisibleYet', `${machine} was started, but EC2 still shows it stopped.`)
      throw new TandemError('MachineDidNotStart', `${machine} could not be started: ${stateReason}.`)
    }
    return {}
  }

/** Reads back what EC2 has: the planned volumes and no others at their devices, and a machine that passes its status checks. */
export const checkMachine =
  (
    ports: Pick<Ports, 'catalog'> & { machines: Pick<Machines, 'observe' | 'health'> },
  ): TaskOf<typeof tasks.checkMachine> =>
  async ({ machine, revert: id, direction }) => {
    const revert = await requireRevert(ports.catalog, machine, id)
    const observed = await ports.machines.observe(machine)
    if (!isInPlace(revert, observed, direction)) throw notInPlace(revert, direction)
    if (revert.wasRunning && direction === 'forward') await requireHealth(ports.machines, machine)
    return {}
  }

/** On the way back health is not asked for: the machine may have been ill before, which is why somebody reverted it. */
async function requireHealth(machines: Pick<Machines, 'health'>, machine: string): Promise<void> {
  const health = await machines.health(machine)
  if (health === 'starting')
    throw new TandemError('MachineNotHealthyYet', `The status checks of ${machine} have not finished.`)
  if (health === 'impaired')
    throw new TandemError(
      'MachineUnhealthy',
      `${machine} runs with the point's disks, but fails its status checks: the point does not boot. Its disks are put back; try an earlier point.`,
    )
}

const notInPlace = (revert: RevertRecord, direction: Direction): TandemError =>
  new TandemError(
    'DisksStillMoving',
    `Not every disk of ${revert.machine} is where ${revert.revert} (${direction}) puts it.`,
  )
