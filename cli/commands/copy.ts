import type { Operator } from '../../aws/operator.ts'
import type { CopyInput } from '../../core/contracts/copy-tasks.ts'
import { chosenPoint } from '../../core/use-cases/chosen-point.ts'
import { previewCopy } from '../../core/use-cases/preview-copy.ts'
import { checkedMachine, checkedPath, checkedPoint, checkedVault } from '../arguments.ts'
import { copyPreviewInWords } from '../copy-words.ts'
import { print, type CommonOptions, type Context } from '../context.ts'
import { followRun } from '../watch.ts'
import { progressInWords } from '../worker-progress.ts'

interface CopyOptions extends CommonOptions {
  readonly point?: string
  readonly vault?: string
  readonly path?: string
  readonly plan: boolean
  readonly wait: boolean
}

/**
 * Starts a run that copies a point into a vault, or shows what it would do. Throws PointNotFound, PointNotComplete, PointOfAnotherMachine: without --wait
 * nobody would see the run fail with them.
 */
export async function copyPoint(context: Context, machine: string, options: CopyOptions): Promise<void> {
  const request = requestOf(machine, options)
  const operator = await context.operator(options.deployment)
  if (options.plan) return showPlan(context, operator, request, options)
  const { point } = await chosenPoint(operator.catalog, request.machine, request.point)
  const run = await operator.runs.start('copy-point', { ...request, point })
  await followRun(context, operator, run, options, () => progressOf(operator, request.machine, run))
}

function requestOf(machine: string, { point, vault, path }: CopyOptions): CopyInput {
  return {
    machine: checkedMachine(machine),
    ...(point === undefined ? {} : { point: checkedPoint(point) }),
    ...(vault === undefined ? {} : { vault: checkedVault(vault) }),
    ...(path === undefined ? {} : { path: checkedPath(path) }),
  }
}

/** With the operator's own rights, which may be others than the run's. */
async function showPlan(
  context: Context,
  operator: Operator,
  request: CopyInput,
  options: CommonOptions,
): Promise<void> {
  // The SDK's clients take longer to load than a command for a vault takes that needs none of them.
  const { ebsSnapshotBlocks } = await import('../../aws/snapshot-blocks.ts')
  const { existingVault } = await import('../../mover/copy-vaults.ts')
  const deployed = await operator.copying()
  const ports = { ...operator, ...deployed, blocks: ebsSnapshotBlocks(), look: existingVault }
  const preview = await previewCopy(ports, request)
  print(context, options, preview, () => copyPreviewInWords(preview, operator.clock.now(), context.terminal.outColors))
}

async function progressOf(operator: Operator, machine: string, run: string): Promise<string | undefined> {
  const copy = (await operator.copies.copies(machine)).find((one) => one.run === run)
  return copy && progressInWords(operator.post, copy, copy)
}
