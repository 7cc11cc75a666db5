import { parseDeployedPolicies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { planRevert as contract } from '../core/contracts/tasks.ts'
import { planRevert } from '../core/use-cases/plan-revert.ts'
import { task } from './task.ts'

export const handler = task(contract, planRevert, ({ CATALOG_TABLE, OWNER, POLICIES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
  policies: parseDeployedPolicies(POLICIES),
}))
