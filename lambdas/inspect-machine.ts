import { parseDeployedPolicies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { inspectMachine as contract } from '../core/contracts/tasks.ts'
import { inspectMachine } from '../core/use-cases/inspect-machine.ts'
import { task } from './task.ts'

export const handler = task(contract, inspectMachine, ({ CATALOG_TABLE, POLICIES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  policies: parseDeployedPolicies(POLICIES),
}))
