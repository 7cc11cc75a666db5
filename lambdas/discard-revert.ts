import { parseDeployedPolicies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { discardRevert as contract } from '../core/contracts/tasks.ts'
import { discardRevert } from '../core/use-cases/conclude-revert.ts'
import { task } from './task.ts'

export const handler = task(contract, discardRevert, ({ CATALOG_TABLE, OWNER, POLICIES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
  policies: parseDeployedPolicies(POLICIES),
}))
