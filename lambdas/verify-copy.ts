import { parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { verifyCopy as contract } from '../core/contracts/copy-tasks.ts'
import { verifyCopy } from '../core/use-cases/finish-copy.ts'
import { bucketVaults } from '../mover/copy-vaults.ts'
import { task } from './task.ts'

export const handler = task(contract, verifyCopy, ({ CATALOG_TABLE, VAULTS }) => {
  const ports = awsPorts({ table: CATALOG_TABLE })
  return { ...ports, vaults: bucketVaults(ports.clock), places: parseDeployedVaults(VAULTS) }
})
