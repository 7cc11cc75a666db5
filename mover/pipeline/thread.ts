/** What a thread of the mover does. */
import { parentPort } from 'node:worker_threads'
import { openStore } from '../stores/location.ts'
import { CopyWorker } from './copy-worker.ts'
import type { CopySetup, Order, ReadSetup, Report } from './protocol.ts'
import { ReadWorker } from './read-worker.ts'

const report = (message: Report): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage(message)
}

const fail = (error: unknown): void => {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  report({ kind: 'failed', name, message, ...(stack === undefined ? {} : { stack }) })
}

async function listen(setup: CopySetup | ReadSetup): Promise<void> {
  const store = await openStore(setup.location)
  const worker = setup.task === 'copy' ? new CopyWorker(setup, store, report) : new ReadWorker(setup, store, report)
  parentPort?.on('message', (order: Order) => {
    if (order.kind === 'end') void worker.abandon().finally(() => process.exit())
    // Each task gets orders of its own kind only.
    else worker.work(order as never).catch(fail)
  })
}

/** Works until the thread is ended. Failures are reported, none is thrown. */
export const work = (setup: CopySetup | ReadSetup): Promise<void> => listen(setup).catch(fail)
