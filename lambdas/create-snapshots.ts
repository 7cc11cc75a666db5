import { awsPorts } from '../aws/ports.ts'
import { createSnapshots as contract } from '../core/contracts/tasks.ts'
import { createSnapshots } from '../core/use-cases/create-snapshots.ts'
import { task } from './task.ts'

export const handler = task(contract, createSnapshots, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
