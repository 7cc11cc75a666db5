import { policyName } from '../../core/contracts/identifiers.ts'
import { TandemError } from '../../core/errors.ts'
import { checkedMachine, type CommonOptions, type Context } from '../context.ts'
import { followRun } from '../watch.ts'

interface ProtectOptions extends CommonOptions {
  readonly policy?: string
  readonly wait: boolean
}

/** Starts a run for one machine, or for every machine of a policy. */
export async function protect(context: Context, machine: string | undefined, options: ProtectOptions): Promise<void> {
  if ((machine === undefined) === (options.policy === undefined))
    throw new TandemError('InvalidInput', 'Give either a machine or --policy <name>.')
  if (options.policy !== undefined && !policyName.safeParse(options.policy).success)
    throw new TandemError('InvalidInput', `${options.policy} is not a policy name.`)
  const checked = machine === undefined ? undefined : checkedMachine(machine)
  const operator = await context.operator(options.deployment)
  const run = checked
    ? await operator.runs.start('protect-machine', { machine: checked })
    : await operator.runs.start('protect-fleet', { policy: options.policy })
  await followRun(context, operator, run, options)
}
