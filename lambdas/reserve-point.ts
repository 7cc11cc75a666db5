import { awsPorts } from '../aws/ports.ts'
import { reservePoint as contract } from '../core/contracts/tasks.ts'
import { reservePoint } from '../core/use-cases/reserve-point.ts'
import { task } from './task.ts'

export const handler = task(contract, reservePoint, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
