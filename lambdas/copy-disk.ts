import { parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { ebsSnapshotBlocks } from '../aws/snapshot-blocks.ts'
import { copyDisk as contract } from '../core/contracts/copy-tasks.ts'
import { copySnapshot } from '../mover/jobs/copy-snapshot.ts'
import { task } from './task.ts'

export const handler = task(contract, copySnapshot, ({ CATALOG_TABLE, REPORTS_BUCKET, VAULTS }) => ({
  ...awsPorts({ table: CATALOG_TABLE, bucket: REPORTS_BUCKET }),
  blocks: ebsSnapshotBlocks(),
  places: parseDeployedVaults(VAULTS),
}))
