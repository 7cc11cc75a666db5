import type { DeployedPolicies } from '../contracts/policies.ts'
import { type discoverMachines as contract, fleetInput } from '../contracts/tasks.ts'
import { parseRequest } from '../parse-request.ts'
import type { Machines, Reports } from '../ports.ts'
import { policyUnknown } from './inspect-machine.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly machines: Pick<Machines, 'optedIn'>
  readonly reports: Pick<Reports, 'writeList'>
  readonly policies: DeployedPolicies
}

/** Writes the list of machines that carry the policy, a page at a time: no list is ever whole in memory. FIG. 4, block 405. */
export const discoverMachines =
  ({ machines, reports, policies }: Ports): TaskOf<typeof contract> =>
  async ({ request, run, startedAt }) => {
    const { policy, scheduledAt } = parseRequest(fleetInput, request, '{"policy":"nightly"}')
    if (!Object.hasOwn(policies, policy)) throw policyUnknown(policy, policies)
    const { bucket, key, count } = await reports.writeList(
      `runs/${run.slice(run.lastIndexOf(':') + 1)}/machines.json`,
      asItems(machines.optedIn(policy)),
    )
    return { policy, scheduledAt: scheduledAt ?? startedAt, bucket, key, machineCount: count }
  }

async function* asItems(pages: AsyncIterable<readonly string[]>): AsyncIterable<readonly { machine: string }[]> {
  for await (const page of pages) yield page.map((machine) => ({ machine }))
}
