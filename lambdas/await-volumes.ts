import { awsPorts } from '../aws/ports.ts'
import { awaitVolumes as contract } from '../core/contracts/tasks.ts'
import { awaitVolumes } from '../core/use-cases/await-resources.ts'
import { task } from './task.ts'

export const handler = task(contract, awaitVolumes, ({ CATALOG_TABLE }) => awsPorts({ table: CATALOG_TABLE }))
