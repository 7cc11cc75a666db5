import { parseDeployedCopies, parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { ebsSnapshotBlocks } from '../aws/snapshot-blocks.ts'
import { planCopy as contract } from '../core/contracts/copy-tasks.ts'
import { planCopy } from '../core/use-cases/plan-copy.ts'
import { bucketVaults } from '../mover/copy-vaults.ts'
import { task } from './task.ts'

export const handler = task(contract, planCopy, ({ CATALOG_TABLE, COPY_RULES, VAULTS }) => {
  const ports = awsPorts({ table: CATALOG_TABLE })
  return {
    ...ports,
    vaults: bucketVaults(ports.clock),
    blocks: ebsSnapshotBlocks(),
    places: parseDeployedVaults(VAULTS),
    copyRules: parseDeployedCopies(COPY_RULES),
  }
})
