import type { Operator } from '../../aws/operator.ts'
import { chosenPoint } from '../../core/use-cases/chosen-point.ts'
import {
  checkedMachine,
  checkedPath,
  checkedPoint,
  checkedVault,
  type CommonOptions,
  type Context,
} from '../context.ts'
import { followRun } from '../watch.ts'
import { progressInWords } from '../worker-progress.ts'

interface CopyOptions extends CommonOptions {
  readonly point?: string
  readonly vault?: string
  readonly path?: string
  readonly wait: boolean
}

/**
 * Starts a run that copies a point into a vault. Throws PointNotFound, PointNotComplete, PointOfAnotherMachine: without --wait
 * nobody would see the run fail with them.
 */
export async function copyPoint(context: Context, machine: string, options: CopyOptions): Promise<void> {
  const { vault, path } = options
  const chosen = path === undefined ? {} : { path: checkedPath(path) }
  const checked = checkedMachine(machine)
  const wanted = options.point === undefined ? undefined : checkedPoint(options.point)
  const named = vault === undefined ? {} : { vault: checkedVault(vault) }
  const operator = await context.operator(options.deployment)
  const { point } = await chosenPoint(operator.catalog, checked, wanted)
  const request = { machine: checked, point, ...named, ...chosen }
  const run = await operator.runs.start('copy-point', request)
  await followRun(context, operator, run, options, () => progressOf(operator, checked, run))
}

async function progressOf(operator: Operator, machine: string, run: string): Promise<string | undefined> {
  const copy = (await operator.copies.copies(machine)).find((one) => one.run === run)
  return copy && progressInWords(operator.post, copy, copy)
}
