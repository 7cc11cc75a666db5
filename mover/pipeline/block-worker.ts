import type { VaultStore } from '../../core/vault-store.ts'
import { CopyWorker } from './copy-worker.ts'
import type { CopySetup, ReadSetup, Report, WorkOrder } from './protocol.ts'
import { ReadWorker } from './read-worker.ts'

/** Who carries out orders, in the thread that leads a run or in one that helps. */
export interface BlockWorker {
  work(order: WorkOrder): Promise<void>
  /** Gives up what is under way, and leaves nothing unfinished in the vault. */
  abandon(): Promise<void>
  /** Not while work is under way. */
  close(): void
}

/** The worker of a task, which gets orders of its own kind only. @throws TandemError when there is nothing to read from, or to write to */
export const workerFor = (
  setup: CopySetup | ReadSetup,
  store: VaultStore,
  report: (report: Report) => void,
): BlockWorker => (setup.task === 'copy' ? new CopyWorker(setup, store, report) : new ReadWorker(setup, store, report))
