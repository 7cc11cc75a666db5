import { awsPorts } from '../aws/ports.ts'
import { discardCopy as contract } from '../core/contracts/copy-tasks.ts'
import { discardCopy } from '../core/use-cases/discard-copy.ts'
import { task } from './task.ts'

export const handler = task(contract, discardCopy, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
