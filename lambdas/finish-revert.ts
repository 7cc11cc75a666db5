import { parseDeployedPolicies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { finishRevert as contract } from '../core/contracts/tasks.ts'
import { finishRevert } from '../core/use-cases/conclude-revert.ts'
import { task } from './task.ts'

export const handler = task(contract, finishRevert, ({ CATALOG_TABLE, OWNER, POLICIES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
  policies: parseDeployedPolicies(POLICIES),
}))
