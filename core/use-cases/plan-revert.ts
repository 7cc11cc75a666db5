import { type planRevert as contract, revertInput } from '../contracts/tasks.ts'
import type { RevertIn, RevertRecord } from '../contracts/records.ts'
import { revertIdOf } from '../derived-ids.ts'
import { isTandemError } from '../errors.ts'
import { policyOf } from '../inspection.ts'
import { refuseUnswappable, revertToUndo, swapsToPoint, swapsToUndo, type Preflight } from '../revert-plan.ts'
import { parseRequest } from '../parse-request.ts'
import type { Catalog, Clock, Locks, Machines, Snapshots, Volumes } from '../ports.ts'
import type * as z from 'zod'
import { chosenPoint } from './chosen-point.ts'
import { discardAbandonedReverts, settleEarlierReverts, type SettlePorts } from './settle-earlier-reverts.ts'
import type { TaskOf } from './task-of.ts'

export interface PreflightPorts {
  readonly machines: Pick<Machines, 'observe' | 'isStopProtected'>
  readonly volumes: Pick<Volumes, 'observe'>
  readonly snapshots: Pick<Snapshots, 'observe'>
  readonly catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint' | 'reverts'>
}

interface Ports extends PreflightPorts, SettlePorts {
  readonly machines: Pick<Machines, 'observe' | 'isStopProtected'>
  readonly volumes: SettlePorts['volumes']
  readonly catalog: PreflightPorts['catalog'] & SettlePorts['catalog'] & Pick<Catalog, 'startRevert'>
  readonly locks: Pick<Locks, 'acquire' | 'release'>
  readonly clock: Clock
}

export const revertExample = '{"machine":"i-0123456789abcdef0"}'
type RevertRequest = z.output<typeof revertInput>

/**
 * The preflight of a revert: everything that could stand in the way is found before anything is changed. What a run that died
 * left half done is settled first. FIG. 6A.
 */
export const planRevert =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ request, run, startedAt }) => {
    const wanted = parseRequest(revertInput, request, revertExample)
    const { machine } = wanted
    // A machine that EC2 does not know, or that is not ours to touch, gets no lock, and no item in the catalog.
    policyOf(await ports.machines.observe(machine))
    await ports.locks.acquire({ version: 1, machine, owner: run, takenAt: ports.clock.now() })
    try {
      const { resumed, leftStopped, abandoned } = await settleEarlierReverts(ports, wanted, run)
      const {
        revert: id,
        disks,
        wasRunning,
      } = resumed ?? (await startRevert(ports, wanted, { run, startedAt, leftStopped }))
      await discardAbandonedReverts(ports, abandoned, run)
      return { machine, revert: id, diskCount: disks.length, wasRunning }
    } catch (error) {
      // What is waited for is tried again: the plan that this try may have written holds only while nobody else swaps disks.
      // Otherwise the run ends here and nothing was changed; DiscardRevert could not know the machine. If letting go fails, or
      // the tries run out, the dead owner's lock is taken over by whoever comes next.
      if (!isTandemError(error) || error.kind !== 'wait') await ports.locks.release(machine, run)
      throw error
    }
  }

async function startRevert(
  ports: Ports,
  wanted: RevertRequest,
  { run, startedAt, leftStopped }: { readonly run: string; readonly startedAt: string; readonly leftStopped: boolean },
): Promise<RevertRecord> {
  const prepared = await prepareRevert(ports, wanted, run, startedAt)
  const revert = { ...prepared, wasRunning: prepared.wasRunning || leftStopped }
  await ports.catalog.startRevert(revert)
  return revert
}

/** The plan, without writing anything: also what `tandem revert --plan` shows. */
export async function prepareRevert(
  ports: PreflightPorts,
  { machine, point, undo }: RevertRequest,
  run: string,
  startedAt: string,
): Promise<RevertIn<'planned'>> {
  const observed = await ports.machines.observe(machine)
  const stopProtected = observed.power === 'running' && (await ports.machines.isStopProtected(machine))
  const attached = observed.attachments.map(({ volume }) => volume)
  const preflight: Preflight = { observed, volumes: await ports.volumes.observe(attached), stopProtected }
  refuseUnswappable(preflight)
  const { target, disks } = undo
    ? await planUndo(ports, preflight, startedAt)
    : await planToPoint(ports, preflight, point)
  return {
    version: 1,
    state: 'planned',
    revert: await revertIdOf(run),
    machine,
    run,
    startedAt,
    target,
    availabilityZone: observed.configuration.availabilityZone,
    wasRunning: observed.power === 'running',
    disks,
  }
}

type Plan = Pick<RevertRecord, 'target' | 'disks'>

async function planToPoint(ports: PreflightPorts, preflight: Preflight, wanted: string | undefined): Promise<Plan> {
  const point = await chosenPoint(ports.catalog, preflight.observed.machine, wanted)
  const snapshots = await ports.snapshots.observe(point.members.map(({ snapshot }) => snapshot))
  return {
    target: { kind: 'point', point: point.point, capturedAt: point.capturedAt },
    disks: swapsToPoint(preflight, point, snapshots),
  }
}

async function planUndo(ports: PreflightPorts, preflight: Preflight, now: string): Promise<Plan> {
  const { machine } = preflight.observed
  const earlier = revertToUndo(machine, await ports.catalog.reverts(machine), now)
  const kept = await ports.volumes.observe(earlier.disks.map(({ outgoing }) => outgoing.volume))
  const volumes = [...preflight.volumes, ...kept]
  return { target: { kind: 'undo', revert: earlier.revert }, disks: swapsToUndo({ ...preflight, volumes }, earlier) }
}
