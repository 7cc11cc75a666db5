import { awsPorts } from '../aws/ports.ts'
import { awaitSnapshots as contract } from '../core/contracts/tasks.ts'
import { awaitSnapshots } from '../core/use-cases/await-resources.ts'
import { task } from './task.ts'

export const handler = task(contract, awaitSnapshots, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
