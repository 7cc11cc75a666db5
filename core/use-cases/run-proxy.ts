import type { CopyRecord } from '../contracts/copy-records.ts'
import type { runProxy as contract } from '../contracts/copy-tasks.ts'
import type { CopyJob, ProxyPlan, RecoveryJob } from '../contracts/jobs.ts'
import type { DeployedVaults } from '../contracts/policies.ts'
import type { runRecoveryProxy as recoveryContract } from '../contracts/recovery-tasks.ts'
import type { Copies } from '../copy-ports.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'
import { proxyDevice } from '../proxy-plan.ts'
import { placeOf } from '../vault-places.ts'
import { progressKeyOf } from '../worker-keys.ts'
import { launchProxy, type LaunchPorts } from './launch-proxy.ts'
import { requireCompletePoint, requireCopy, requireSnapshots } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends LaunchPorts {
  readonly catalog: Pick<Catalog, 'point'>
  readonly places: DeployedVaults
}

interface CopyPorts extends Ports {
  readonly copies: Pick<Copies, 'copy'>
}

/** A proxy with some disks of a copy, made from the point's snapshots: it copies them into the vault. */
export const runProxy =
  (ports: CopyPorts): TaskOf<typeof contract> =>
  async ({ proxy: place, attempt, token, ...subject }) => {
    const copy = await requireCopy(ports.copies, subject)
    const plan = planned(copy.proxies, place, copy.point)
    const { configuration } = await requireCompletePoint(ports.catalog, copy.machine, copy.point)
    const disks = plan.disks.flatMap((index, number) => {
      const disk = copy.disks[index]
      return disk ? [{ ...disk, device: proxyDevice(number) }] : []
    })
    const job: CopyJob = { ...jobOf(ports, copy, place, token), kind: 'copy', takenAt: copy.capturedAt, disks }
    const { run, machine, point, vault } = copy
    await launchProxy(ports, {
      run,
      machine,
      point,
      vault,
      purpose: `copies ${plan.disks.length} disks of ${point} to vault ${vault}`,
      place,
      attempt,
      instanceType: plan.instanceType,
      job,
      disks: disks.map(({ device, snapshot }) => ({ device, snapshot })),
      availabilityZone: configuration.availabilityZone,
    })
    return {}
  }

/** A proxy that writes some disks of a copy to the snapshots that wait for them. It has no disks but its own. */
export const runRecoveryProxy =
  (ports: Ports): TaskOf<typeof recoveryContract> =>
  async ({ proxy: place, attempt, token, ...subject }) => {
    const { run, machine, point, recovery, members } = await requireSnapshots(ports.catalog, subject)
    const plan = planned(recovery.proxies, place, point)
    const disks = plan.disks.flatMap((index) => {
      const [disk, member] = [recovery.disks[index], members[index]]
      return disk && member ? [{ ...disk, snapshot: member.snapshot }] : []
    })
    const { vault } = recovery
    const job: RecoveryJob = { ...jobOf(ports, { run, vault }, place, token), kind: 'recovery', disks }
    await launchProxy(ports, {
      run,
      machine,
      point,
      vault,
      purpose: `writes ${plan.disks.length} disks of ${recovery.point} back from vault ${vault}`,
      place,
      attempt,
      instanceType: plan.instanceType,
      job,
      disks: [],
    })
    return {}
  }

function planned(proxies: readonly ProxyPlan[], place: number, point: string): ProxyPlan {
  const plan = proxies[place]
  if (plan) return plan
  throw new TandemError('ContractBroken', `The plan for ${point} has no proxy ${place}.`)
}

/** What every job says. */
function jobOf({ places }: Ports, of: Pick<CopyRecord, 'run' | 'vault'>, place: number, token: string) {
  const { bucket, prefix } = placeOf(places, of)
  return { version: 1, token, vault: { bucket, prefix }, progress: progressKeyOf(of, `proxy-${place}`) } as const
}
