import {
  memberOfPoint,
  vaultedPoint,
  type MachineRecord,
  type PointIn,
  type VaultedPoint,
} from '../contracts/records.ts'
import { recoveryInput, type planRecovery as contract } from '../contracts/recovery-tasks.ts'
import type { PointContent, PointInVault } from '../copy-ports.ts'
import { pointIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import { parseRequest } from '../parse-request.ts'
import type { Catalog, Executions } from '../ports.ts'
import { planRecoveryPath } from '../recovery-plan.ts'
import { vaultUrl } from '../vault-places.ts'
import type * as z from 'zod'
import { chosenCopy, type VaultPorts } from './chosen-copy.ts'
import { discardAbandonedPoints, type DiscardPorts } from './discard-point.ts'
import { requireRecovery } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends VaultPorts, DiscardPorts {
  readonly catalog: Pick<Catalog, 'machine' | 'putMachine' | 'point' | 'points' | 'reservePoint' | 'advancePoint'>
  readonly executions: Pick<Executions, 'isRunning'>
}

export const recoveryExample = '{"machine":"i-0123456789abcdef0"}'
type RecoveryRequest = z.output<typeof recoveryInput>
type PointToRecover = PointIn<'reserved'> & Required<Pick<PointIn<'reserved'>, 'recovery'>>

/**
 * Finds the point in a vault, with nothing of the catalog, chooses how its blocks become snapshots, and reserves a new point
 * for them. A machine that the catalog does not know (any more) is written as the vault knows it. FIG. 6B.
 */
export const planRecovery =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ request, run, startedAt }) => {
    const wanted = parseRequest(recoveryInput, request, recoveryExample)
    const prepared = await prepareRecovery(ports, wanted, run, startedAt)
    if (wanted.plan) return { ...answerOf(prepared), isPlanOnly: true }
    await discardAbandonedPoints(ports, wanted.machine, run, ({ recovery }) => recovery !== undefined)
    if (!(await ports.catalog.machine(prepared.machine))) await ports.catalog.putMachine(machineOf(prepared))
    const advance = await ports.catalog.reservePoint(prepared)
    // An earlier try of this run may have planned otherwise: what it wrote counts.
    const reserved = advance === 'moved' ? prepared : await requireRecovery(ports.catalog, prepared)
    return { ...answerOf(reserved), isPlanOnly: false }
  }

const answerOf = ({ machine, point, recovery }: Pick<PointToRecover, 'machine' | 'point' | 'recovery'>) => ({
  machine,
  point,
  vault: recovery.vault,
  copyOf: recovery.point,
  capturedAt: recovery.capturedAt,
  path: recovery.path,
  reason: recovery.reason,
  diskCount: recovery.disks.length,
  proxyCount: recovery.proxies.length,
})

/** The plan, without writing anything. Throws CopyNotFound, VaultNotFound, VaultDamaged. */
async function prepareRecovery(
  ports: VaultPorts,
  wanted: RecoveryRequest,
  run: string,
  startedAt: string,
): Promise<PointToRecover> {
  const { name, place, vault, found, unreachable } = await chosenCopy(ports, wanted)
  const content = await vault.point(found.manifest)
  const point = parseContent(content, found)
  const disks = point.members.map(({ volume }) => {
    const disk = content.disks.find((one) => one.volume === volume)
    if (disk) return disk
    throw new TandemError('VaultDamaged', `${found.manifest} in vault ${name} names no copy of ${volume}.`)
  })
  const { path, reason, proxies } = planRecoveryPath(disks, wanted.path)
  return {
    version: 1,
    state: 'reserved',
    point: await pointIdOf(run),
    machine: wanted.machine,
    run,
    reservedAt: startedAt,
    policy: point.policy,
    consistency: point.consistency,
    configuration: point.configuration,
    unprotected: point.unprotected,
    members: point.members.map((member) => memberOfPoint.parse(member)),
    recovery: {
      vault: name,
      url: vaultUrl(place),
      manifest: found.manifest,
      point: found.point,
      capturedAt: content.capturedAt,
      path,
      reason: [reason, ...unreachable.map((fault) => `not looked into: ${fault}`)].join('; '),
      disks,
      proxies: [...proxies],
      ...(wanted.kmsKey === undefined ? {} : { kmsKey: wanted.kmsKey }),
    },
  }
}

function parseContent({ machineConfiguration }: PointContent, { manifest, point }: PointInVault): VaultedPoint {
  const parsed = vaultedPoint.safeParse(machineConfiguration)
  if (parsed.success) return parsed.data
  throw new TandemError(
    'VaultDamaged',
    `${manifest} does not say what machine point ${point} is of, or says it as this version does not know: its disks can still be had with tandem vault restore.`,
  )
}

/** As it was when the point was captured; whatever is seen of it later replaces this. */
const machineOf = ({
  machine,
  policy,
  recovery,
  configuration,
  members,
  unprotected,
}: PointToRecover): MachineRecord => ({
  version: 1,
  machine,
  policy,
  observedAt: recovery.capturedAt,
  configuration,
  disks: members,
  unprotected,
})
