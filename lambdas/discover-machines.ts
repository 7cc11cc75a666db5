import { parseDeployedPolicies } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { discoverMachines as contract } from '../core/contracts/tasks.ts'
import { discoverMachines } from '../core/use-cases/discover-machines.ts'
import { task } from './task.ts'

export const handler = task(contract, discoverMachines, ({ REPORTS_BUCKET, POLICIES }) => ({
  ...awsPorts({ bucket: REPORTS_BUCKET }),
  policies: parseDeployedPolicies(POLICIES),
}))
