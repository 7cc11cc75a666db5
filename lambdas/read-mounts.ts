import { awsPorts } from '../aws/ports.ts'
import { readMounts as contract } from '../core/contracts/tasks.ts'
import { readMounts } from '../core/use-cases/read-mounts.ts'
import { task } from './task.ts'

export const handler = task(contract, readMounts, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
