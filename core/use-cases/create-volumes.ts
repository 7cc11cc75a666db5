import type { DiskSwap, RevertRecord } from '../contracts/records.ts'
import type { createVolumes as contract } from '../contracts/tasks.ts'
import { TandemError } from '../errors.ts'
import { DAY_MS, plusMs } from '../instants.ts'
import type { Catalog, Clock, Ledger, Volumes } from '../ports.ts'
import { isFinalRevert } from '../record-states.ts'
import { RESOURCE_ROLES, TAGS } from '../tags.ts'
import { requireRevert } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly volumes: Pick<Volumes, 'ensureCreated'>
  readonly catalog: Pick<Catalog, 'revert' | 'advanceRevert'>
  readonly ledger: Pick<Ledger, 'open' | 'made'>
  readonly clock: Clock
  readonly owner: string
}

/** After a day nobody waits for a revert any more: its state machine is out of time. */
const VOLUME_DEADLINE_MS = DAY_MS

export const ledgerItemOf = (device: string): string => `volume:${device}`

/**
 * Makes the volumes that will be swapped in, each from its member's snapshot. The client token is made of revert and device,
 * so that a repeated call names the same volume; an undo has none to make.
 */
export const createVolumes =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ machine, run, revert: id }) => {
    const revert = await requireRevert(ports.catalog, machine, id)
    if (isFinalRevert(revert))
      throw new TandemError('LostRace', `Revert ${id} is ${revert.state}: another try of this run ended it.`)
    const disks: DiskSwap[] = []
    for (const disk of revert.disks) {
      const volume = await ensureVolume(ports, revert, disk, run)
      disks.push(volume ? { ...disk, incoming: { ...disk.incoming, volume } } : disk)
    }
    await ports.catalog.advanceRevert([revert.state], { ...revert, disks })
    return { volumeCount: disks.filter(({ incoming }) => incoming.from).length }
  }

async function ensureVolume(
  ports: Ports,
  revert: RevertRecord,
  disk: DiskSwap,
  run: string,
): Promise<string | undefined> {
  const { from } = disk.incoming
  if (!from || disk.incoming.volume) return disk.incoming.volume
  const entry = { run, item: ledgerItemOf(disk.device) }
  const openedAt = ports.clock.now()
  await ports.ledger.open({
    version: 1,
    ...entry,
    machine: revert.machine,
    purpose: `${disk.device} of ${revert.machine} for ${revert.revert}`,
    openedAt,
    deadline: plusMs(openedAt, VOLUME_DEADLINE_MS),
  })
  const volume = await ports.volumes.ensureCreated({
    snapshot: from.snapshot,
    availabilityZone: revert.availabilityZone,
    specification: from.specification,
    clientToken: `${revert.revert}${disk.device.replaceAll('/', '.')}`,
    // Not the run: another may take this revert over, and the same token with other tags would be refused.
    tags: {
      ...from.specification.tags,
      [TAGS.owner]: ports.owner,
      [TAGS.machine]: revert.machine,
      [TAGS.revert]: revert.revert,
      [TAGS.role]: RESOURCE_ROLES.incoming,
      [TAGS.device]: disk.device,
    },
  })
  await ports.ledger.made(entry, volume)
  return volume
}
