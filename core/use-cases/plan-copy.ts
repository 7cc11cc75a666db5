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
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint'>
  readonly copies: Pick<Copies, 'copy' | 'startCopy'>
  readonly executions: Pick<Executions, 'isRunning'>
  readonly vaults: Vaults
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
    const subject = { machine: point.machine, point: point.point, vault: name, diskCount: point.members.length }
    if (found?.state === 'committed')
      return { ...subject, path: 'none', reason: `it was committed at ${found.committedAt}`, proxyCount: 0 }
    await refuseIfUnderWay(ports, found, run)
    const vault = await ports.vaults.openOrMake(place)
    const disks: DiskToCopy[] = []
    for (const member of point.members) disks.push(await diskToCopy(ports, vault, { ...point, name }, member))
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
    await ports.copies.startCopy(record, found)
    return { ...subject, path: path.path, reason: path.reason, proxyCount: path.proxies.length }
  }

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
async function refuseIfUnderWay({ executions }: Ports, found: CopyRecord | undefined, run: string): Promise<void> {
  if (found?.state !== 'copying' || found.run === run || !(await executions.isRunning(found.run))) return
  throw new TandemError('MachineBusy', `Point ${found.point} is being copied to vault ${found.vault} by ${found.run}.`)
}

async function diskToCopy(
  { blocks }: Ports,
  vault: CopyVault,
  { point, name }: { readonly point: string; readonly name: string },
  member: PointIn<'complete'>['members'][number],
): Promise<DiskToCopy> {
  const { volume, snapshot, specification } = member
  const sizeBytes = specification.sizeGiB * GIB
  const newest = await vault.newest(volume)
  const base = newest?.snapshot === undefined ? undefined : { snapshot: newest.snapshot, copy: newest.copy }
  const counted = await countBlocks(blocks, snapshot, sizeBytes, base?.snapshot)
  return {
    volume,
    snapshot,
    sizeBytes,
    diskCopyId: await diskCopyIdOf(point, name, volume),
    blockCount: counted.blockCount,
    ...(base && counted.isComparable ? { since: base } : {}),
    lineageBroken: newest !== undefined && !(base && counted.isComparable),
  }
}
