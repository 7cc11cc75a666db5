import type { CopyRecord } from './contracts/copy-records.ts'

/** Where a worker of a copy tells how far it is: by the run, so that an earlier try's end is not taken for this one's. */
export const progressKeyOf = ({ run, vault }: Pick<CopyRecord, 'run' | 'vault'>, worker: string): string =>
  `progress/${run.slice(run.lastIndexOf(':') + 1)}/${vault}/${worker}.json`
