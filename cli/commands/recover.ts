import type { Operator } from '../../aws/operator.ts'
import { checkedMachine, checkedPath, checkedPoint, checkedVault } from '../arguments.ts'
import type { CommonOptions, Context } from '../context.ts'
import { followRun } from '../watch.ts'
import { progressInWords } from '../worker-progress.ts'

interface RecoverOptions extends CommonOptions {
  readonly point?: string
  readonly vault?: string
  readonly path?: string
  readonly kmsKey?: string
  readonly plan: boolean
  readonly wait: boolean
}

/** How many of a machine's newest points are looked at: the one that is being recovered is the newest. */
const LOOKED_AT = 5

/** Starts a run that makes new snapshots of a point from its copy in a vault. A plan is made by a run too: it may read the vaults. */
export async function recoverPoint(context: Context, machine: string, options: RecoverOptions): Promise<void> {
  const { point, vault, path, kmsKey, plan } = options
  const request = {
    machine: checkedMachine(machine),
    ...(point === undefined ? {} : { point: checkedPoint(point) }),
    ...(vault === undefined ? {} : { vault: checkedVault(vault) }),
    ...(path === undefined ? {} : { path: checkedPath(path) }),
    ...(kmsKey === undefined ? {} : { kmsKey }),
    ...(plan ? { plan } : {}),
  }
  const operator = await context.operator(options.deployment)
  const run = await operator.runs.start('recover-point', request)
  const followed = { ...options, wait: options.wait || plan }
  await followRun(context, operator, run, followed, () => progressOf(operator, request.machine, run))
}

async function progressOf({ catalog, post }: Operator, machine: string, run: string): Promise<string | undefined> {
  const { points } = await catalog.points(machine, { limit: LOOKED_AT })
  const point = points.find((one) => one.run === run)
  return point?.recovery && progressInWords(post, { run, vault: point.recovery.vault }, point.recovery)
}
