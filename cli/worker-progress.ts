import type { CopyRecord } from '../core/contracts/copy-records.ts'
import type { ProgressReport } from '../core/contracts/jobs.ts'
import type { WorkerPost } from '../core/copy-ports.ts'
import { progressKeyOf } from '../core/worker-keys.ts'
import { bytesInWords } from './bytes.ts'

/** Who works: a Lambda for each disk, or proxies. */
interface Plan {
  readonly path: CopyRecord['path']
  readonly disks: readonly { readonly volume: string }[]
  readonly proxies: readonly unknown[]
}

/** `1.2 GiB of 30 GiB, 210 MiB/s, 2 min left`; undefined while nothing is known. */
export async function progressInWords(
  post: Pick<WorkerPost, 'progress'>,
  of: Pick<CopyRecord, 'run' | 'vault'>,
  { path, disks, proxies }: Plan,
): Promise<string | undefined> {
  const workers = path === 'direct' ? disks.map(({ volume }) => volume) : proxies.map((_, place) => `proxy-${place}`)
  const reports = await Promise.all(workers.map((worker) => post.progress(progressKeyOf(of, worker))))
  const told = reports.filter((report) => report !== undefined)
  return told.length === 0 ? undefined : inWords(told)
}

const SECONDS_PER_MINUTE = 60

function inWords(reports: readonly ProgressReport[]): string {
  const sum = (of: (report: ProgressReport) => number): number => reports.reduce((total, one) => total + of(one), 0)
  const left = Math.max(0, ...reports.map(({ remainingSeconds = 0 }) => remainingSeconds))
  return [
    `${bytesInWords(sum(({ doneBytes }) => doneBytes))} of ${bytesInWords(sum(({ totalBytes }) => totalBytes))}`,
    `${bytesInWords(sum(({ bytesPerSecond }) => bytesPerSecond))}/s`,
    ...(left > 0 ? [`${Math.ceil(left / SECONDS_PER_MINUTE)} min left`] : []),
  ].join(', ')
}
