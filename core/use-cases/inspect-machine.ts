import { type inspectMachine as contract, protectInput } from '../contracts/tasks.ts'
import type { DeployedPolicies } from '../contracts/policies.ts'
import { TandemError } from '../errors.ts'
import { inspect, policyOf } from '../inspection.ts'
import { parseRequest } from '../parse-request.ts'
import type { Catalog, Clock, Machines, Volumes } from '../ports.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly machines: Pick<Machines, 'observe' | 'userData' | 'instanceStoreDevices'>
  readonly volumes: Pick<Volumes, 'observe'>
  readonly catalog: Pick<Catalog, 'putMachine'>
  readonly clock: Clock
  readonly policies: DeployedPolicies
}

/** Reads the machine and writes down what was seen. Makes nothing (FIG. 4, blocks 405 to 412). */
export const inspectMachine =
  ({ machines, volumes, catalog, clock, policies }: Ports): TaskOf<typeof contract> =>
  async ({ request }) => {
    const { machine, policy: expected } = parseRequest(protectInput, request, '{"machine":"i-0123456789abcdef0"}')
    const observed = await machines.observe(machine)
    const policy = policyOf(observed)
    if (expected && expected !== policy)
      throw new TandemError(
        'MachineNotOptedIn',
        `${machine} is tagged with policy ${policy}, not ${expected}. Its tag was changed after it was listed; the next run of ${policy} protects it.`,
      )
    if (!Object.hasOwn(policies, policy)) throw policyUnknown(policy, policies, machine)
    const attached = await volumes.observe(observed.attachments.map(({ volume }) => volume))
    const userData = await machines.userData(machine)
    const instanceStoreDevices = await machines.instanceStoreDevices(observed.configuration.instanceType)
    const beside = { ...(userData === undefined ? {} : { userData }), instanceStoreDevices }
    const record = inspect(observed, attached, beside, clock.now())
    await catalog.putMachine(record)
    return { machine, policy, diskCount: record.disks.length }
  }

export function policyUnknown(policy: string, policies: DeployedPolicies, machine?: string): TandemError {
  const known = Object.keys(policies).toSorted().join(', ')
  return new TandemError(
    'PolicyUnknown',
    machine
      ? `${machine} is tagged with policy ${policy}, which is not deployed. Deployed are: ${known}. Change the tag, or add the policy and deploy.`
      : `There is no policy ${policy}. Deployed are: ${known}. Use one of them, or add the policy and deploy.`,
  )
}
