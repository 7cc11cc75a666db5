import type { Operator } from '../aws/operator.ts'
import type { RevertRecord } from '../core/contracts/records.ts'
import { isTandemError, TandemError } from '../core/errors.ts'
import { isFinalRevert } from '../core/record-states.ts'
import { remainsOf } from '../core/swap.ts'
import { prepareRevert } from '../core/use-cases/plan-revert.ts'

/** The input of a `revert-machine` run. */
export interface RevertRequest {
  readonly machine: string
  readonly point?: string
  readonly undo?: boolean
}

/** What a revert would do, as far as it can be told without doing it. */
export interface Preview {
  readonly plan: Pick<RevertRecord, 'machine' | 'target' | 'wasRunning' | 'disks'>
  /** What a run that is over left open, and what the new run does about it. */
  readonly leftOpen?: { readonly revert: string; readonly willBe: 'resumed' | 'settled' }
  /** The run that works on the machine now. */
  readonly busyWith?: string
  /** `/data` by device, as last seen by the guest. */
  readonly mountPoints: Readonly<Record<string, string>>
  /** GiB by volume, of disks that are kept and come back. */
  readonly sizesGiB: Readonly<Record<string, number>>
  /** The policy that says how long replaced disks are kept. */
  readonly policy?: string
  readonly now: string
}

/** Stands where a run's ARN would: a plan that is only shown belongs to no run. */
const NO_RUN = 'preview'

/** Reads only. Throws whatever would make the run refuse: the errors of core/use-cases/plan-revert.ts. */
export async function previewRevert(operator: Operator, request: RevertRequest): Promise<Preview> {
  const { machine } = request
  const now = operator.clock.now()
  const left = await leftOpen(operator, machine)
  // Half way between two sets of disks, a plan of our own would be refused, or wrong: the run goes on with what there is.
  const { target, wasRunning, disks } = left?.willBe === 'resumed' ? left.record : await prepare(operator, request, now)
  const record = await operator.catalog.machine(machine)
  const busyWith = await operator.locks.owner(machine)
  const kept = disks.flatMap(({ incoming }) => (incoming.from ? [] : (incoming.volume ?? [])))
  const volumes = await operator.volumes.observe(kept)
  return {
    plan: { machine, target, wasRunning: wasRunning || left?.wasStopped === true, disks },
    ...(left ? { leftOpen: { revert: left.record.revert, willBe: left.willBe } } : {}),
    ...(busyWith === undefined ? {} : { busyWith }),
    mountPoints: Object.fromEntries(
      (record?.disks ?? []).flatMap(({ device, mountPoints = [] }) =>
        mountPoints.length > 0 ? [[device, mountPoints.join(', ')]] : [],
      ),
    ),
    sizesGiB: Object.fromEntries(volumes.map(({ volume, specification }) => [volume, specification.sizeGiB])),
    ...(record ? { policy: record.policy } : {}),
    now,
  }
}

/** A machine that is not at rest is so because somebody works on it: says who, if it is one of our runs. */
async function prepare(operator: Operator, request: RevertRequest, now: string): Promise<RevertRecord> {
  try {
    return await prepareRevert(operator, request, NO_RUN, now)
  } catch (error) {
    if (!isTandemError(error) || error.kind !== 'wait') throw error
    const holder = await operator.locks.owner(request.machine)
    if (holder === undefined) throw error
    const message = `${error.message} ${holder} works on it: try again when it has ended.`
    throw new TandemError(error.name, message, { cause: error })
  }
}

interface LeftOpen {
  readonly record: RevertRecord
  readonly willBe: 'resumed' | 'settled'
  /** The run that is over stopped the machine: the new one starts it, although it looks as if it had been stopped before. */
  readonly wasStopped: boolean
}

/** The unfinished revert whose run is over, as core/use-cases/settle-earlier-reverts.ts will find it: one to be resumed goes first. */
async function leftOpen(
  { catalog, executions, machines }: Pick<Operator, 'catalog' | 'executions' | 'machines'>,
  machine: string,
): Promise<LeftOpen | undefined> {
  let settled: LeftOpen | undefined
  for (const record of await catalog.reverts(machine)) {
    if (isFinalRevert(record)) continue
    if (await executions.isRunning(record.run)) continue
    const { standing, wasStopped } = remainsOf(record, await machines.observe(machine))
    if (standing === 'between') return { record, willBe: 'resumed', wasStopped }
    settled ??= { record, willBe: 'settled', wasStopped }
  }
  return settled
}
