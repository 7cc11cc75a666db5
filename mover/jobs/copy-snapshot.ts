import type { copyDisk as contract } from '../../core/contracts/copy-tasks.ts'
import type { DeployedVaults } from '../../core/contracts/policies.ts'
import type { Copies, SnapshotBlocks, WorkerPost } from '../../core/copy-ports.ts'
import { TandemError } from '../../core/errors.ts'
import type { Clock } from '../../core/ports.ts'
import { progressKeyOf } from '../../core/worker-keys.ts'
import { placeOf } from '../../core/vault-places.ts'
import { requireCopy } from '../../core/use-cases/require-record.ts'
import type { TaskOf } from '../../core/use-cases/task-of.ts'
import { openDeployedVault } from '../copy-vaults.ts'
import { copyDiskJob } from './copy-disk-job.ts'
import { ProgressPost } from './progress-post.ts'

interface Ports {
  readonly copies: Pick<Copies, 'copy'>
  readonly blocks: SnapshotBlocks
  readonly places: DeployedVaults
  readonly post: Pick<WorkerPost, 'putProgress'>
  readonly clock: Clock
}

/** The direct path: one disk of a copy, read by the EBS direct APIs, in this Lambda. */
export const copySnapshot =
  ({ copies, blocks, places, post, clock }: Ports): TaskOf<typeof contract> =>
  async ({ disk: index, ...subject }) => {
    const copy = await requireCopy(copies, subject)
    const disk = copy.disks[index]
    if (!disk) throw new TandemError('ContractBroken', `The copy of ${copy.point} has no disk ${index}.`)
    const place = placeOf(places, copy)
    const progress = progressKeyOf(copy, disk.volume)
    const vault = await openDeployedVault(place)
    const told = new ProgressPost(post, progress, clock)
    const job = { vault: { bucket: place.bucket, prefix: place.prefix }, takenAt: copy.capturedAt, disk, progress }
    const copied = await copyDiskJob(job, { vault, blocks, onProgress: told.report })
    await told.done()
    return copied
  }
