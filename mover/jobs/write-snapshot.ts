import type { writeSnapshot as contract } from '../../core/contracts/recovery-tasks.ts'
import type { DeployedVaults } from '../../core/contracts/policies.ts'
import type { SnapshotBlocks, WorkerPost } from '../../core/copy-ports.ts'
import { TandemError } from '../../core/errors.ts'
import type { Catalog, Clock } from '../../core/ports.ts'
import { requireSnapshots } from '../../core/use-cases/require-record.ts'
import type { TaskOf } from '../../core/use-cases/task-of.ts'
import { placeOf } from '../../core/vault-places.ts'
import { progressKeyOf } from '../../core/worker-keys.ts'
import { openDeployedVault } from '../copy-vaults.ts'
import { ProgressPost } from './progress-post.ts'
import { writeDisk } from './write-disk.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'point'>
  readonly blocks: SnapshotBlocks
  readonly places: DeployedVaults
  readonly post: Pick<WorkerPost, 'putProgress'>
  readonly clock: Clock
}

/** The direct path back: one disk of a point, from its vault into its snapshot, in this Lambda. */
export const writeSnapshot =
  ({ catalog, blocks, places, post, clock }: Ports): TaskOf<typeof contract> =>
  async ({ disk: index, ...subject }) => {
    const { run, point, recovery, members } = await requireSnapshots(catalog, subject)
    const [disk, member] = [recovery.disks[index], members[index]]
    if (!disk || !member) throw new TandemError('ContractBroken', `Point ${point} has no disk ${index}.`)
    const place = placeOf(places, recovery)
    const vault = await openDeployedVault(place)
    const told = new ProgressPost(post, progressKeyOf({ run, vault: recovery.vault }, disk.volume), clock)
    const work = { vault, blocks, onProgress: told.report }
    const written = await writeDisk(place, { ...disk, snapshot: member.snapshot }, work)
    await told.done()
    return written
  }
