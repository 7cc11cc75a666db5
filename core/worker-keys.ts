import type { CopyRecord } from './contracts/copy-records.ts'

/** Objects of the reports bucket by which workflow and workers speak to each other. By the run: an earlier try's are not this one's. */

type OfRun = Pick<CopyRecord, 'run' | 'vault'>

const below = ({ run, vault }: OfRun): string => `${run.slice(run.lastIndexOf(':') + 1)}/${vault}`

/** What a proxy is to do. */
export const jobKeyOf = (copy: OfRun, proxy: string): string => `jobs/${below(copy)}/${proxy}.json`

/** Where a worker of a copy tells how far it is. */
export const progressKeyOf = (copy: OfRun, worker: string): string => `progress/${below(copy)}/${worker}.json`
