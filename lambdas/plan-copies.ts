import { parseDeployedCopies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { planCopies as contract } from '../core/contracts/copy-tasks.ts'
import { planCopies } from '../core/use-cases/plan-copies.ts'
import { task } from './task.ts'

export const handler = task(contract, planCopies, ({ CATALOG_TABLE, COPY_RULES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  copyRules: parseDeployedCopies(COPY_RULES),
}))
