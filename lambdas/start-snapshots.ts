import { awsPorts } from '../aws/ports.ts'
import { ebsSnapshotBlocks } from '../aws/snapshot-blocks.ts'
import { startSnapshots as contract } from '../core/contracts/recovery-tasks.ts'
import { startSnapshots } from '../core/use-cases/start-snapshots.ts'
import { task } from './task.ts'

export const handler = task(contract, startSnapshots, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  blocks: ebsSnapshotBlocks(),
  owner: OWNER,
}))
