import type { summarizeFleet as contract } from '../contracts/tasks.ts'
import { countChildren, failuresOf, parseManifest } from '../fleet-report.ts'
import type { Reports } from '../ports.ts'
import type { TaskOf } from './task-of.ts'

interface Ports {
  readonly reports: Pick<Reports, 'readText'>
}

/** As many failures as fit a state's output and a page in the middle of the night; the rest is in the manifest's files. */
const SHOWN_FAILURES_LIMIT = 20
const FAILURE_LENGTH_LIMIT = 500

/** Counts what the children of the Distributed Map ended with. */
export const summarizeFleet =
  ({ reports }: Ports): TaskOf<typeof contract> =>
  async ({ bucket, manifestKey }) => {
    const files = parseManifest(await reports.readText(bucket, manifestKey), manifestKey)
    let protectedCount = 0
    for (const key of files.succeeded) protectedCount += countChildren(await reports.readText(bucket, key), key)
    const failures: string[] = []
    for (const key of files.failed) failures.push(...failuresOf(await reports.readText(bucket, key), key))
    return {
      protectedCount,
      failedCount: failures.length,
      failures: failures.slice(0, SHOWN_FAILURES_LIMIT).map((failure) => failure.slice(0, FAILURE_LENGTH_LIMIT)),
    }
  }
