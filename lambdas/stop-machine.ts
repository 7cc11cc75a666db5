import { awsPorts } from '../aws/ports.ts'
import { stopMachine as contract } from '../core/contracts/tasks.ts'
import { stopMachine } from '../core/use-cases/swap-disks.ts'
import { task } from './task.ts'

export const handler = task(contract, stopMachine, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
