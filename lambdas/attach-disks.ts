import { awsPorts } from '../aws/ports.ts'
import { attachDisks as contract } from '../core/contracts/tasks.ts'
import { attachDisks } from '../core/use-cases/swap-disks.ts'
import { task } from './task.ts'

export const handler = task(contract, attachDisks, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
