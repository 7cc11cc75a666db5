import type { discardRevert as discardContract, finishRevert as finishContract } from '../contracts/tasks.ts'
import { revertIdOf } from '../derived-ids.ts'
import type { Catalog, Locks } from '../ports.ts'
import { discard, finish, type EndRevertPorts } from './end-revert.ts'
import { requireRevert } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends EndRevertPorts {
  readonly catalog: EndRevertPorts['catalog'] & Pick<Catalog, 'revert'>
  readonly locks: Pick<Locks, 'release'>
}

export const finishRevert =
  (ports: Ports): TaskOf<typeof finishContract> =>
  async ({ machine, run, revert: id }) => {
    const reverted = await finish(ports, await requireRevert(ports.catalog, machine, id))
    await ports.locks.release(machine, run)
    return { revert: id, undoUntil: reverted.undoUntil, replacedVolumeCount: reverted.disks.length }
  }

/** `machine` is null when the preflight failed: it made nothing, and let go of the machine itself. */
export const discardRevert =
  (ports: Ports): TaskOf<typeof discardContract> =>
  async ({ machine, run, revert: given, error, cause }) => {
    if (!machine) return { deletedVolumeCount: 0 }
    const revert = await ports.catalog.revert(machine, given ?? (await revertIdOf(run)))
    const deletedVolumeCount = revert ? await discard(ports, revert, { error, cause }) : 0
    await ports.locks.release(machine, run)
    return { deletedVolumeCount }
  }
