import { awsPorts } from '../aws/ports.ts'
import { awaitRunning as contract } from '../core/contracts/tasks.ts'
import { awaitRunning } from '../core/use-cases/await-resources.ts'
import { task } from './task.ts'

export const handler = task(contract, awaitRunning, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
