import { parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { planRecovery as contract } from '../core/contracts/recovery-tasks.ts'
import { planRecovery } from '../core/use-cases/plan-recovery.ts'
import { bucketVaults } from '../mover/copy-vaults.ts'
import { task } from './task.ts'

export const handler = task(contract, planRecovery, ({ CATALOG_TABLE, VAULTS, OWNER }) => {
  const ports = awsPorts({ table: CATALOG_TABLE })
  return { ...ports, vaults: bucketVaults(ports.clock), places: parseDeployedVaults(VAULTS), owner: OWNER }
})
