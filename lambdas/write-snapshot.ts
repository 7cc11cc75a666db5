import { parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { ebsSnapshotBlocks } from '../aws/snapshot-blocks.ts'
import { writeSnapshot as contract } from '../core/contracts/recovery-tasks.ts'
import { writeSnapshot } from '../mover/jobs/write-snapshot.ts'
import { task } from './task.ts'

export const handler = task(contract, writeSnapshot, ({ CATALOG_TABLE, REPORTS_BUCKET, VAULTS }) => ({
  ...awsPorts({ table: CATALOG_TABLE, bucket: REPORTS_BUCKET }),
  blocks: ebsSnapshotBlocks(),
  places: parseDeployedVaults(VAULTS),
}))
