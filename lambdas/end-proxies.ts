import { awsPorts } from '../aws/ports.ts'
import { endProxies as contract } from '../core/contracts/copy-tasks.ts'
import { endProxies } from '../core/use-cases/end-proxies.ts'
import { task } from './task.ts'

export const handler = task(contract, endProxies, ({ CATALOG_TABLE, OWNER }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  owner: OWNER,
}))
