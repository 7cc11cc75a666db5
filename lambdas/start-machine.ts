import { awsPorts } from '../aws/ports.ts'
import { startMachine as contract } from '../core/contracts/tasks.ts'
import { startMachine } from '../core/use-cases/swap-disks.ts'
import { task } from './task.ts'

export const handler = task(contract, startMachine, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
