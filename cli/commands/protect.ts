import { policyOf } from '../../core/inspection.ts'
import { checkedMachine, checkedPolicy } from '../arguments.ts'
import type { CommonOptions, Context } from '../context.ts'
import { invalidInput } from '../failure.ts'
import { followRun } from '../watch.ts'

interface ProtectOptions extends CommonOptions {
  readonly policy?: string
  readonly wait: boolean
}

/**
 * Starts a run for one machine, or for every machine of a policy. Throws MachineNotFound, MachineTerminated, MachineNotOptedIn:
 * without --wait nobody would see the run fail with them.
 */
export async function protect(context: Context, machine: string | undefined, options: ProtectOptions): Promise<void> {
  if ((machine === undefined) === (options.policy === undefined))
    throw invalidInput('Give either a machine or --policy <name>.')
  const policy = options.policy === undefined ? undefined : checkedPolicy(options.policy)
  const checked = machine === undefined ? undefined : checkedMachine(machine)
  const operator = await context.operator(options.deployment)
  if (checked) policyOf(await operator.machines.observe(checked))
  const run = checked
    ? await operator.runs.start('protect-machine', { machine: checked })
    : await operator.runs.start('protect-fleet', { policy })
  await followRun(context, operator, run, options)
}
