import { awsPorts } from '../aws/ports.ts'
import { checkMachine as contract } from '../core/contracts/tasks.ts'
import { checkMachine } from '../core/use-cases/swap-disks.ts'
import { task } from './task.ts'

export const handler = task(contract, checkMachine, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
