import { awsPorts } from '../aws/ports.ts'
import { summarizeFleet as contract } from '../core/contracts/tasks.ts'
import { summarizeFleet } from '../core/use-cases/summarize-fleet.ts'
import { task } from './task.ts'

export const handler = task(contract, summarizeFleet, ({ REPORTS_BUCKET }) => awsPorts({ bucket: REPORTS_BUCKET }))
