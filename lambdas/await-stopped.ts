import { awsPorts } from '../aws/ports.ts'
import { awaitStopped as contract } from '../core/contracts/tasks.ts'
import { awaitStopped } from '../core/use-cases/await-resources.ts'
import { task } from './task.ts'

export const handler = task(contract, awaitStopped, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
