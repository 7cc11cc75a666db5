/** A thread of the mover. */
import { parentPort, workerData } from 'node:worker_threads'
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

function start(): void {
  const setup = workerData as CopySetup | ReadSetup
  const worker = setup.task === 'copy' ? new CopyWorker(setup, report) : new ReadWorker(setup, report)
  parentPort?.on('message', (order: Order) => {
    // Each task gets orders of its own kind only.
    const working = worker.work(order as never)
    working.catch(fail)
  })
}

try {
  start()
} catch (error) {
  fail(error)
}
