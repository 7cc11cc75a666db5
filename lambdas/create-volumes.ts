import { awsPorts } from '../aws/ports.ts'
import { createVolumes as contract } from '../core/contracts/tasks.ts'
import { createVolumes } from '../core/use-cases/create-volumes.ts'
import { task } from './task.ts'

export const handler = task(contract, createVolumes, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
