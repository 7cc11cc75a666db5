import { awsPorts } from '../aws/ports.ts'
import { detachDisks as contract } from '../core/contracts/tasks.ts'
import { detachDisks } from '../core/use-cases/swap-disks.ts'
import { task } from './task.ts'

export const handler = task(contract, detachDisks, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
