/** What a thread of the mover does. */
import { parentPort } from 'node:worker_threads'
import { openStore } from '../stores/location.ts'
import { workerFor } from './block-worker.ts'
import type { CopySetup, Order, ReadSetup, Report } from './protocol.ts'

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
  const worker = workerFor(setup, store, report)
  parentPort?.on('message', (order: Order) => {
    if (order.kind === 'end') void worker.abandon().finally(() => process.exit())
    else worker.work(order).catch(fail)
  })
}

/** Works until the thread is ended. Failures are reported, none is thrown. */
export const work = (setup: CopySetup | ReadSetup): Promise<void> => listen(setup).catch(fail)
