import { awsPorts } from '../aws/ports.ts'
import { discardPoint as contract } from '../core/contracts/tasks.ts'
import { discardPoint } from '../core/use-cases/discard-point.ts'
import { task } from './task.ts'

export const handler = task(contract, discardPoint, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
