import { GIB } from '../block-size.ts'
import type { CopyRecord } from '../contracts/copy-records.ts'
import type { CopyInput } from '../contracts/copy-tasks.ts'
import type { DiskToCopy } from '../contracts/jobs.ts'
import type { DeployedCopies, DeployedVault, DeployedVaults } from '../contracts/policies.ts'
import type { PointIn } from '../contracts/records.ts'
import type { Copies, CopyVault, SnapshotBlocks } from '../copy-ports.ts'
import { diskCopyIdOf } from '../derived-ids.ts'
import { TandemError } from '../errors.ts'
import type { Catalog } from '../ports.ts'
import { namedVault } from '../vault-places.ts'
import { chosenPoint } from './chosen-point.ts'
import { countBlocks } from './count-blocks.ts'

export interface CopySubjectPorts {
  readonly catalog: Pick<Catalog, 'point' | 'pointById' | 'latestCompletePoint'>
  readonly copies: Pick<Copies, 'copy'>
  readonly places: DeployedVaults
  readonly copyRules: DeployedCopies
}

/** A point, the vault that it is to be copied to, and what is known of that copy. */
export interface CopySubject {
  readonly point: PointIn<'complete'>
  /** Its name in the policy file. */
  readonly vault: string
  readonly place: DeployedVault
  readonly found?: CopyRecord
}

export const copyExample = '{"machine":"i-0123456789abcdef0","vault":"main"}'

/** What a request means. Throws InvalidInput, VaultNotFound, and what `chosenPoint` throws. */
export async function copySubject(
  { catalog, copies, places, copyRules }: CopySubjectPorts,
  request: CopyInput,
): Promise<CopySubject> {
  const point = await chosenPoint(catalog, request.machine, request.point)
  const vault = request.vault ?? onlyVaultOf(copyRules, point)
  const place = namedVault(places, vault)
  const found = await copies.copy(point.machine, { point: point.point, vault })
  return { point, vault, place, ...(found ? { found } : {}) }
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

/**
 * What is to be read of each disk of the point: counts the blocks that differ from its newest copy. Reads only.
 *
 * @param vault undefined: it has not been made yet
 */
export async function disksToCopy(
  blocks: Pick<SnapshotBlocks, 'list'>,
  { point, vault: name }: Pick<CopySubject, 'point' | 'vault'>,
  vault: Pick<CopyVault, 'newest'> | undefined,
): Promise<DiskToCopy[]> {
  const disks: DiskToCopy[] = []
  for (const { volume, snapshot, specification } of point.members) {
    const sizeBytes = specification.sizeGiB * GIB
    // Never a later one, of which there are when an older point is copied: EBS says nothing of changes counted backwards.
    const newest = await vault?.newest(volume, point.capturedAt)
    const base = newest?.snapshot === undefined ? undefined : { snapshot: newest.snapshot, copy: newest.copy }
    const counted = await countBlocks(blocks, snapshot, sizeBytes, base?.snapshot)
    disks.push({
      volume,
      snapshot,
      sizeBytes,
      diskCopyId: await diskCopyIdOf(point.point, name, volume),
      blockCount: counted.blockCount,
      ...(base && counted.isComparable ? { since: base } : {}),
      lineageBroken: newest !== undefined && !(base && counted.isComparable),
    })
  }
  return disks
}
