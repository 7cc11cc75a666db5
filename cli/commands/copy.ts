import type { Operator } from '../../aws/operator.ts'
import type { CopyRecord } from '../../core/contracts/copy-records.ts'
import type { ProgressReport } from '../../core/contracts/jobs.ts'
import { progressKeyOf } from '../../core/worker-keys.ts'
import { chosenPoint } from '../../core/use-cases/chosen-point.ts'
import { bytesInWords } from '../bytes.ts'
import { checkedMachine, checkedPoint, checkedVault, type CommonOptions, type Context } from '../context.ts'
import { invalidInput } from '../failure.ts'
import { followRun } from '../watch.ts'

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
  if (path !== undefined && path !== 'direct' && path !== 'proxy')
    throw invalidInput(`--path ${path}: expected direct or proxy`)
  const checked = checkedMachine(machine)
  const wanted = options.point === undefined ? undefined : checkedPoint(options.point)
  const named = vault === undefined ? {} : { vault: checkedVault(vault) }
  const operator = await context.operator(options.deployment)
  const { point } = await chosenPoint(operator.catalog, checked, wanted)
  const request = { machine: checked, point, ...named, ...(path === undefined ? {} : { path }) }
  const run = await operator.runs.start('copy-point', request)
  await followRun(context, operator, run, options, () => progressOf(operator, checked, run))
}

/** `1.2 GiB of 30 GiB, 210 MiB/s, 2 min left`; undefined while nothing is known. */
async function progressOf(operator: Operator, machine: string, run: string): Promise<string | undefined> {
  const copy = (await operator.copies.copies(machine)).find((one) => one.run === run)
  if (!copy) return undefined
  const reports = await Promise.all(
    workersOf(copy).map((worker) => operator.post.progress(progressKeyOf(copy, worker))),
  )
  const told = reports.filter((report) => report !== undefined)
  return told.length === 0 ? undefined : inWords(told)
}

const workersOf = ({ path, disks, proxies }: CopyRecord): string[] =>
  path === 'direct' ? disks.map(({ volume }) => volume) : proxies.map((_, place) => `proxy-${place}`)

const SECONDS_PER_MINUTE = 60

function inWords(reports: readonly ProgressReport[]): string {
  const sum = (of: (report: ProgressReport) => number): number => reports.reduce((total, one) => total + of(one), 0)
  const left = Math.max(0, ...reports.map(({ remainingSeconds = 0 }) => remainingSeconds))
  return [
    `${bytesInWords(sum(({ doneBytes }) => doneBytes))} of ${bytesInWords(sum(({ totalBytes }) => totalBytes))}`,
    `${bytesInWords(sum(({ bytesPerSecond }) => bytesPerSecond))}/s`,
    ...(left > 0 ? [`${Math.ceil(left / SECONDS_PER_MINUTE)} min left`] : []),
  ].join(', ')
}
