import { awsPorts } from '../aws/ports.ts'
import { completePoint as contract } from '../core/contracts/tasks.ts'
import { completePoint } from '../core/use-cases/complete-point.ts'
import { task } from './task.ts'

export const handler = task(contract, completePoint, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
