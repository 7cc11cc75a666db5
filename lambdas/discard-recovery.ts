import { awsPorts } from '../aws/ports.ts'
import { discardRecovery as contract } from '../core/contracts/recovery-tasks.ts'
import { discardRecovery } from '../core/use-cases/discard-recovery.ts'
import { task } from './task.ts'

export const handler = task(contract, discardRecovery, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
