import { planCopyPath } from '../copy-plan.ts'
import type { CopyIn, CopyRecord } from '../contracts/copy-records.ts'
import { copyInput, type planCopy as contract } from '../contracts/copy-tasks.ts'
import type { Copies, SnapshotBlocks, Vaults } from '../copy-ports.ts'
import { TandemError } from '../errors.ts'
import { parseRequest } from '../parse-request.ts'
import type { Executions } from '../ports.ts'
import { vaultUrl } from '../vault-places.ts'
import { copyExample, copySubject, disksToCopy, type CopySubjectPorts } from './draft-copy.ts'
import { requireCopy } from './require-record.ts'
import type { TaskOf } from './task-of.ts'

interface Ports extends CopySubjectPorts {
  readonly copies: Pick<Copies, 'copy' | 'startCopy'>
  readonly executions: Pick<Executions, 'isRunning'>
  readonly vaults: Pick<Vaults, 'openOrMake'>
  readonly blocks: Pick<SnapshotBlocks, 'list'>
}

/**
 * What is to be copied, where to, and how: counts the blocks that differ from the newest copy of each disk, and chooses between
 * a proxy and the EBS direct APIs. Writes the record that the other states work by. FIG. 5.
 */
export const planCopy =
  (ports: Ports): TaskOf<typeof contract> =>
  async ({ request, run, startedAt }) => {
    const wanted = parseRequest(copyInput, request, copyExample)
    const subject = await copySubject(ports, wanted)
    const { point, place, found } = subject
    // Of a retry: work by the plan of an earlier try may have begun.
    if (found?.state === 'committed' || (found?.state === 'copying' && found.run === run)) return planOf(found)
    await refuseIfUnderWay(ports, found)
    const vault = await ports.vaults.openOrMake(place)
    const disks = await disksToCopy(ports.blocks, subject, vault)
    const path = planCopyPath(disks, wanted.path)
    const record: CopyIn<'copying'> = {
      version: 1,
      state: 'copying',
      machine: point.machine,
      point: point.point,
      capturedAt: point.capturedAt,
      vault: subject.vault,
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

/** Of two runs for one copy the later one waits; what a dead run left is taken over. */
async function refuseIfUnderWay(
  { executions }: Pick<Ports, 'executions'>,
  found: CopyRecord | undefined,
): Promise<void> {
  if (found?.state !== 'copying' || !(await executions.isRunning(found.run))) return
  throw new TandemError('MachineBusy', `Point ${found.point} is being copied to vault ${found.vault} by ${found.run}.`)
}
