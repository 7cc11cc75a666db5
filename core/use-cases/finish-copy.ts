import { copyInAnyState, type CopyIn, type CopyRecord } from '../contracts/copy-records.ts'
import type * as tasks from '../contracts/copy-tasks.ts'
import type { DeployedVaults } from '../contracts/policies.ts'
import type { CommittedDisk, Copies, CopyVault, Vaults } from '../copy-ports.ts'
import { TandemError } from '../errors.ts'
import type { Catalog, Clock } from '../ports.ts'
import { placeOf } from '../vault-places.ts'
import { requireCompletePoint, requireCopy } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface VaultPorts {
  readonly copies: Pick<Copies, 'copy'>
  readonly vaults: Pick<Vaults, 'open'>
  readonly places: DeployedVaults
}

interface CommitPorts extends VaultPorts {
  readonly copies: Pick<Copies, 'copy' | 'advanceCopy'>
  readonly catalog: Pick<Catalog, 'point'>
  readonly clock: Clock
}

/** Whether all that the copy needs is in the vault and is what was written, before anything is called a copy. */
export const verifyCopy =
  (ports: VaultPorts): TaskOf<typeof tasks.verifyCopy> =>
  async (subject) => {
    const copy = await requireCopy(ports.copies, subject)
    const vault = await openVault(ports, copy)
    const disks = await committedDisks(vault, copy)
    const [fault, ...more] = await vault.faults(disks.map(({ manifest }) => manifest))
    if (fault !== undefined)
      throw new TandemError('VaultDamaged', `${fault}${more.length > 0 ? ` And ${more.length} more.` : ''}`)
    return { diskCount: disks.length }
  }

/** The commit: first in the vault, where it makes the point whole, then in the catalog, which only tells of it. */
export const commitCopy =
  (ports: CommitPorts): TaskOf<typeof tasks.commitCopy> =>
  async (subject) => {
    const copy = await requireCopy(ports.copies, subject)
    if (copy.state === 'committed') return resultOf(copy)
    if (copy.state !== 'copying')
      throw new TandemError('LostRace', `The copy of ${copy.point} to vault ${copy.vault} was given up by another try.`)
    const point = await requireCompletePoint(ports.catalog, copy.machine, copy.point)
    const vault = await openVault(ports, copy)
    const disks = await committedDisks(vault, copy)
    const manifest = await vault.commit(
      point,
      disks.map((disk) => disk.manifest),
    )
    const total = (of: keyof Omit<CommittedDisk, 'manifest'>): number => disks.reduce((sum, disk) => sum + disk[of], 0)
    const committed: CopyIn<'committed'> = {
      ...copyInAnyState.parse(copy),
      state: 'committed',
      committedAt: ports.clock.now(),
      manifest,
      readBytes: total('readBytes'),
      newBytes: total('newBytes'),
      storedBytes: total('storedBytes'),
    }
    await ports.copies.advanceCopy(['copying'], committed)
    return resultOf(committed)
  }

const resultOf = ({ point, vault, manifest, newBytes }: CopyIn<'committed'>) => ({ point, vault, manifest, newBytes })

const openVault = ({ vaults, places }: VaultPorts, copy: CopyRecord): Promise<CopyVault> =>
  vaults.open(placeOf(places, copy))

/** @throws TandemError CopyNotFound for the first disk whose copy is not committed */
async function committedDisks(vault: CopyVault, { disks, capturedAt, url }: CopyRecord): Promise<CommittedDisk[]> {
  const committed: CommittedDisk[] = []
  for (const { volume, diskCopyId } of disks) {
    const found = await vault.committed(volume, capturedAt, diskCopyId)
    if (!found)
      throw new TandemError(
        'CopyNotFound',
        `The copy of ${volume} is not in the vault at ${url}, though it was reported.`,
      )
    committed.push(found)
  }
  return committed
}
