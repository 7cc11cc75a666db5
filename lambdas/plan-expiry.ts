import { parseDeployedCopies } from '../aws/environment.ts'
import { planExpiry as contract } from '../core/contracts/expiry-tasks.ts'
import { planExpiry } from '../core/use-cases/plan-expiry.ts'
import { task } from './task.ts'

export const handler = task(contract, planExpiry, ({ COPY_RULES }) => ({ copyRules: parseDeployedCopies(COPY_RULES) }))
