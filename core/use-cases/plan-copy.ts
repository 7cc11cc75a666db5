import { GIB } from '../block-size.ts'
import { planCopyPath } from '../copy-plan.ts'
import type { CopyIn, CopyRecord } from '../contracts/copy-records.ts'
import { copyInput, type planCopy as contract } from '../contracts/copy-tasks.ts'
import type { DiskToCopy } from '../contracts/jobs.ts'
import type { DeployedCopies, DeployedVaults } from '../contracts/policies.ts'
import type { PointIn } from '../contracts/records.ts'
import type { Copies, CopyVault, SnapshotBlocks, Vaults } from '../copy-ports.ts'
import { diskCopyIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import { parseRequest } from '../parse-request.ts'
import type { Catalog, Executions } from '../ports.ts'
import { namedVault, vaultUrl } from '../vault-places.ts'
import { countBlocks } from './count-blocks.ts'
import { chosenPoint } from './chosen-point.ts'
import { requireCopy } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint'>
  readonly copies: Pick<Copies, 'copy' | 'startCopy'>
  readonly executions: Pick<Executions, 'isRunning'>
  readonly vaults: Pick<Vaults, 'openOrMake'>
  readonly blocks: Pick<SnapshotBlocks, 'list'>
  readonly places: DeployedVaults
  readonly copyRules: DeployedCopies
}

export const copyExample = '{"machine":"i-0123456789abcdef0","vault":"main"}'

/**
 * What is to be copied, where to, and how: counts the blocks that differ from the newest copy of each disk, and chooses between
 * a proxy and the EBS direct APIs. Writes the record that the other states work by. FIG. 5.
 */
export const planCopy =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ request, run, startedAt }) => {
    const wanted = parseRequest(copyInput, request, copyExample)
    const point = await chosenPoint(ports.catalog, wanted.machine, wanted.point)
    const name = wanted.vault ?? onlyVaultOf(ports.copyRules, point)
    const place = namedVault(ports.places, name)
    const found = await ports.copies.copy(point.machine, { point: point.point, vault: name })
    // Of a retry: work by the plan of an earlier try may have begun.
    if (found?.state === 'committed' || (found?.state === 'copying' && found.run === run)) return planOf(found)
    await refuseIfUnderWay(ports, found)
    const vault = await ports.vaults.openOrMake(place)
    const disks: DiskToCopy[] = []
    for (const member of point.members) disks.push(await diskToCopy(ports, vault, { point, name }, member))
    const path = planCopyPath(disks, wanted.path)
    const record: CopyIn<'copying'> = {
      version: 1,
      state: 'copying',
      machine: point.machine,
      point: point.point,
      capturedAt: point.capturedAt,
      vault: name,
      url: vaultUrl(place),
      run,
      startedAt,
      path: path.path,
      reason: path.reason,
      disks,
      proxies: [...path.proxies],
    }
    // A retry goes on at the same time as a try that is slow but lives: whichever wrote first decides for both.
    const started = await ports.copies.startCopy(record, found)
    return planOf(started === 'moved' ? record : await requireCopy(ports.copies, record))
  }

const planOf = (copy: CopyRecord): Awaited<ReturnType<TaskOf<typeof contract>>> => ({
  machine: copy.machine,
  point: copy.point,
  vault: copy.vault,
  diskCount: copy.disks.length,
  ...(copy.state === 'committed'
    ? { path: 'none', reason: `it was committed at ${copy.committedAt}`, proxyCount: 0 }
    : { path: copy.path, reason: copy.reason, proxyCount: copy.proxies.length }),
})

function onlyVaultOf(rules: DeployedCopies, { machine, policy }: PointIn<'complete'>): string {
  const vaults = (rules[policy] ?? []).map(({ vault }) => vault)
  const [first] = vaults
  if (first !== undefined && vaults.length === 1) return first
  throw new TandemError(
    'InvalidInput',
    `Policy ${policy} of ${machine} names ${vaults.length === 0 ? 'no vault' : `${vaults.length} vaults (${vaults.join(', ')})`}: say which one is meant, e.g. ${copyExample}`,
  )
}

/** Of two runs for one copy the later one waits; what a dead run left is taken over. */
async function refuseIfUnderWay({ executions }: Ports, found: CopyRecord | undefined): Promise<void> {
  if (found?.state !== 'copying' || !(await executions.isRunning(found.run))) return
  throw new TandemError('MachineBusy', `Point ${found.point} is being copied to vault ${found.vault} by ${found.run}.`)
}

async function diskToCopy(
  { blocks }: Ports,
  vault: CopyVault,
  { point, name }: { readonly point: PointIn<'complete'>; readonly name: string },
  member: PointIn<'complete'>['members'][number],
): Promise<DiskToCopy> {
  const { volume, snapshot, specification } = member
  const sizeBytes = specification.sizeGiB * GIB
  // Never a later one, of which there are when an older point is copied: EBS says nothing of changes counted backwards.
  const newest = await vault.newest(volume, point.capturedAt)
  const base = newest?.snapshot === undefined ? undefined : { snapshot: newest.snapshot, copy: newest.copy }
  const counted = await countBlocks(blocks, snapshot, sizeBytes, base?.snapshot)
  return {
    volume,
    snapshot,
    sizeBytes,
    diskCopyId: await diskCopyIdOf(point.point, name, volume),
    blockCount: counted.blockCount,
    ...(base && counted.isComparable ? { since: base } : {}),
    lineageBroken: newest !== undefined && !(base && counted.isComparable),
  }
}
