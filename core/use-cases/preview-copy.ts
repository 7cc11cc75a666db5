import { BLOCK_BYTES } from '../block-size.ts'
import { estimateCopy, isTooMuchForLambda, planCopyPath, type CopyPath, type Estimate } from '../copy-plan.ts'
import type { CopyRecord } from '../contracts/copy-records.ts'
import type { CopyInput } from '../contracts/copy-tasks.ts'
import type { DiskToCopy } from '../contracts/jobs.ts'
import type { DeployedVault } from '../contracts/policies.ts'
import type { CopyVault, SnapshotBlocks } from '../copy-ports.ts'
import type { Executions } from '../ports.ts'
import { vaultUrl } from '../vault-places.ts'
import { copySubject, disksToCopy, type CopySubject, type CopySubjectPorts } from './draft-copy.ts'

export interface PreviewCopyPorts extends CopySubjectPorts {
  readonly executions: Pick<Executions, 'isRunning'>
  readonly blocks: Pick<SnapshotBlocks, 'list'>
  /** Opens a vault and makes none. undefined: the deployment's own, not made yet. */
  readonly look: (place: DeployedVault) => Promise<Pick<CopyVault, 'newest'> | undefined>
}

/** What a copy would do, as far as it can be told without doing it. */
export interface CopyPreview {
  readonly machine: string
  readonly point: string
  readonly capturedAt: string
  readonly vault: string
  readonly url: string
  /** `none`: the copy is committed already. */
  readonly path: CopyPath['path'] | 'none'
  readonly reason: string
  readonly disks: readonly DiskToCopy[]
  /** Of all disks together; a disk of which a Lambda could not read all changes counts whole. */
  readonly blockCount: number
  readonly readBytes: number
  readonly proxies: CopyPath['proxies']
  /** Absent when nothing is to be copied. */
  readonly estimates?: Readonly<Record<CopyPath['path'], Estimate>>
  /** The vault is made by the run. */
  readonly isVaultNew: boolean
  /** The run that makes this copy now: what is shown is its plan. */
  readonly busyWith?: string
  /** A run that is over and left the copy unfinished: it is taken over. */
  readonly leftBy?: string
  /** Of the last try. */
  readonly failure?: { readonly error: string; readonly cause: string }
  /** The direct path was asked for, and a Lambda does not get through a disk in one try. */
  readonly isTooMuchForLambda: boolean
}

/** Reads only. Throws whatever would make the run refuse: the errors of core/use-cases/plan-copy.ts. */
export async function previewCopy(ports: PreviewCopyPorts, request: CopyInput): Promise<CopyPreview> {
  const subject = await copySubject(ports, request)
  const { found } = subject
  if (found?.state === 'committed')
    return { ...previewOf(subject, []), path: 'none', reason: `it was committed at ${found.committedAt}` }
  if (found?.state === 'copying' && (await ports.executions.isRunning(found.run)))
    return { ...previewOf(subject, found.disks), ...planIn(found), busyWith: found.run }
  const vault = await ports.look(subject.place)
  const disks = await disksToCopy(ports.blocks, subject, vault)
  const plan = planCopyPath(disks, request.path)
  return {
    ...previewOf(subject, disks),
    ...planIn(plan),
    isVaultNew: vault === undefined,
    isTooMuchForLambda: plan.path === 'direct' && isTooMuchForLambda(disks),
    ...(found?.state === 'copying' ? { leftBy: found.run } : {}),
    ...(found?.state === 'failed' ? { failure: found.failure } : {}),
  }
}

const planIn = ({ path, reason, proxies }: CopyPath | CopyRecord) => ({ path, reason, proxies })

function previewOf({ point, vault, place }: CopySubject, disks: readonly DiskToCopy[]) {
  const blockCount = disks.reduce((sum, disk) => sum + disk.blockCount, 0)
  return {
    machine: point.machine,
    point: point.point,
    capturedAt: point.capturedAt,
    vault,
    url: vaultUrl(place),
    disks,
    blockCount,
    readBytes: blockCount * BLOCK_BYTES,
    proxies: [],
    ...(disks.length > 0 ? { estimates: estimateCopy(disks) } : {}),
    isVaultNew: false,
    isTooMuchForLambda: false,
  }
}
