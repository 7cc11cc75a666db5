/** `tandem expire`: lets copies go that the policies no longer keep, or shows which they are. */
import type { Operator } from '../../aws/operator.ts'
import { vaultUrl } from '../../core/vault-places.ts'
import type { PolicyFile } from '../../core/contracts/policies.ts'
import { expiringVaults, keepsIn } from '../../core/copy-retention.ts'
import { isTandemError } from '../../core/errors.ts'
import { parsePolicyFile } from '../../core/policy-file.ts'
import { judgeVault, type Verdicts } from '../../mover/expiry/due-copies.ts'
import { keepByPolicies } from '../../mover/expiry/policy-retention.ts'
import { POLICY_GRACE_MS } from '../../mover/expiring-vaults.ts'
import type { Vault } from '../../mover/vault.ts'
import { counted } from '../ages.ts'
import { checkedVault } from '../arguments.ts'
import { print, tableFor, type CommonOptions, type Context } from '../context.ts'
import { invalidInput } from '../failure.ts'
import { followRun } from '../watch.ts'
import { openPlace } from './vault.ts'
import { forPrint } from './vault-expiry.ts'

export interface ExpireCopiesOptions extends CommonOptions {
  readonly vault?: string
  readonly plan: boolean
  /** Of the policy file by which `plan` judges. */
  readonly policies: string
  readonly wait: boolean
}

/** Starts a run, which goes by the policies that were deployed; or judges by a policy file, and reads only. */
export async function expire(context: Context, options: ExpireCopiesOptions): Promise<void> {
  const vault = options.vault === undefined ? undefined : checkedVault(options.vault)
  if (options.plan) return showPlan(context, vault, options)
  const operator = await context.operator(options.deployment)
  const run = await operator.runs.start('expire-copies', vault === undefined ? {} : { vault })
  await followRun(context, operator, run, options)
}

async function showPlan(context: Context, only: string | undefined, options: ExpireCopiesOptions): Promise<void> {
  const { policies: path } = options
  const file = parsePolicyFile(context.readFile(path), path)
  const rules = Object.fromEntries(Object.entries(file.policies).map(([name, { copies }]) => [name, copies]))
  const names = expiringVaults(rules)
  if (only !== undefined && !names.includes(only))
    throw invalidInput(`No policy of ${path} says how long copies in vault ${only} are kept: they stay.`)
  const operator = await context.operator(options.deployment)
  const plans: Plan[] = []
  for (const name of names.filter((each) => only === undefined || each === only)) {
    const url = placeOf(operator, file, name)
    const retention = keepByPolicies(keepsIn(rules, name))
    const at = { nowMs: Date.parse(operator.clock.now()), graceMs: POLICY_GRACE_MS }
    const vault = await openIfThere(url)
    plans.push({
      vault: name,
      url,
      ...(vault ? await judgeVault(vault, retention, at) : { points: [], copies: [], damages: [] }),
    })
  }
  const shown = plans.map(({ points, copies, ...rest }) => ({
    ...rest,
    points: forPrint(points),
    copies: forPrint(copies),
  }))
  print(context, options, { policies: path, vaults: shown }, () => describe(context, path, plans))
}

interface Plan extends Verdicts {
  readonly vault: string
  readonly url: string
}

function placeOf({ deployment, account, region }: Operator, { vaults }: PolicyFile, name: string): string {
  // The names that cdk/vaults.ts gives.
  return vaults[name]?.at ?? vaultUrl({ bucket: `${deployment}-vaults-${account}-${region}`, prefix: `${name}/` })
}

async function openIfThere(url: string): Promise<Vault | undefined> {
  try {
    return (await openPlace(url, {})).vault
  } catch (error) {
    // The deployment's own is made with the first copy.
    if (isTandemError(error, 'VaultNotFound')) return undefined
    throw error
  }
}

function describe(context: Context, path: string, plans: readonly Plan[]): string {
  const rows = plans.flatMap(({ vault, points, copies }) =>
    [...points, ...copies].flatMap(({ name, isDue, reason }) => (isDue ? [[vault, name, reason]] : [])),
  )
  const summaries = plans.map(({ vault, url, points, copies }) => {
    const due = points.filter(({ isDue }) => isDue).length
    const disks = copies.filter(({ isDue }) => isDue).length
    return `${vault} (${url}): ${counted(due, 'point')} would go (copies of disks: ${disks}), ${counted(points.length - due, 'point')} would stay`
  })
  return [
    ...(rows.length > 0 ? [tableFor(context, ['VAULT', 'POINT OR COPY', 'WHY IT GOES'], rows)] : []),
    ...plans.flatMap(({ damages }) => damages),
    ...(plans.length === 0 ? [`No policy of ${path} says how long copies are kept: all stay.`] : summaries),
    `Judged by ${path}; a run goes by the policies that were deployed last. Why the others stay: --json`,
  ].join('\n')
}
