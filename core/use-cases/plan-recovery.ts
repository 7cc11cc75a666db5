import {
  memberOfPoint,
  vaultedPoint,
  type MachineRecord,
  type PointIn,
  type VaultedPoint,
} from '../contracts/records.ts'
import { recoveryInput, type planRecovery as contract } from '../contracts/recovery-tasks.ts'
import type { DeployedVault, DeployedVaults } from '../contracts/policies.ts'
import type { CopyVault, PointContent, PointInVault, Vaults } from '../copy-ports.ts'
import { pointIdOf } from '../derived-ids.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import { parseRequest } from '../parse-request.ts'
import type { Catalog, Executions } from '../ports.ts'
import { planRecoveryPath } from '../recovery-plan.ts'
import { namedVault, vaultUrl } from '../vault-places.ts'
import type * as z from 'zod'
import { discardAbandonedPoints, type DiscardPorts } from './discard-point.ts'
import { requireRecovery } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface VaultPorts {
  readonly vaults: Pick<Vaults, 'open'>
  readonly places: DeployedVaults
}

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
  const { name, place, vault, found } = await chosenCopy(ports, wanted)
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
      reason,
      disks,
      proxies: [...proxies],
      ...(wanted.kmsKey === undefined ? {} : { kmsKey: wanted.kmsKey }),
    },
  }
}

interface ChosenCopy {
  /** Of the vault. */
  readonly name: string
  readonly place: DeployedVault
  readonly vault: CopyVault
  readonly found: PointInVault
}

/** The point that is wanted, or the machine's newest, in the vault that is wanted, or in any. */
async function chosenCopy(ports: VaultPorts, wanted: RecoveryRequest): Promise<ChosenCopy> {
  const { machine, point } = wanted
  const all: ChosenCopy[] = []
  for (const [name, place] of placesFor(ports.places, wanted.vault)) {
    const vault = await opened(ports.vaults, place, wanted.vault !== undefined)
    for (const found of (await vault?.points(machine)) ?? []) if (vault) all.push({ name, place, vault, found })
  }
  const fitting = all.filter(({ found }) => point === undefined || found.point === point)
  const newest = fitting.toSorted((one, other) => msBetween(one.found.capturedAt, other.found.capturedAt))[0]
  if (newest) return newest
  const where = wanted.vault === undefined ? 'any vault of this deployment' : `vault ${wanted.vault}`
  const known = all.map(({ name, found }) => `${found.point} of ${found.capturedAt} in ${name}`)
  throw new TandemError(
    'CopyNotFound',
    `There is no ${point === undefined ? 'point' : `point ${point}`} of ${machine} in ${where}. ` +
      (known.length === 0 ? 'It was never copied there, or its copies expired.' : `There is: ${known.join(', ')}.`),
  )
}

function placesFor(places: DeployedVaults, wanted: string | undefined): [string, DeployedVault][] {
  if (wanted !== undefined) return [[wanted, namedVault(places, wanted)]]
  const all = Object.entries(places)
  if (all.length > 0) return all
  throw new TandemError(
    'VaultNotFound',
    'This deployment has no vault, and a point is recovered from one that holds a copy of it.',
  )
}

/** The deployment's own vault is made with the first copy: before that it holds nothing. */
async function opened(
  vaults: Pick<Vaults, 'open'>,
  place: DeployedVault,
  isNamed: boolean,
): Promise<CopyVault | undefined> {
  try {
    return await vaults.open(place)
  } catch (error) {
    if (isNamed || !isTandemError(error, 'VaultNotFound')) throw error
    return undefined
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
