/** Who does the work of a run: orders go to whoever is free, the first failure ends it. */
import { getCompileCacheDir } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ERROR_KINDS, TandemError, type ErrorName } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { CopyWorker } from './copy-worker.ts'
import type { CopySetup, Order, ReadSetup, Report, ThreadStart } from './protocol.ts'
import { ReadWorker } from './read-worker.ts'

/** Bundled, all of the mover is one file, which is its worker too (mover/proxy.ts). */
const WORKER = import.meta.url.endsWith('.ts') ? new URL('./worker.js', import.meta.url) : new URL(import.meta.url)

type OnPack = (report: Extract<Report, { kind: 'pack' }>) => void

export interface Crew {
  /** Who work at the same time. */
  readonly count: number
  /** Gives an order to the next who is free; resolves when one has it. @throws the first failure of anybody */
  give(order: Order): Promise<void>
  /** Resolves when every order is carried out. @throws the first failure of anybody */
  finished(): Promise<void>
  close(): Promise<void>
}

/** 96 MiB: below, one thread is as soon done as two that have to be started, and takes three quarters of the processor time. */
const BLOCKS_WORTH_A_THREAD = 192

export interface CrewOptions {
  /** How much there is to do. */
  readonly blockCount: number
  /** As many as there are cores unless told; 0: all is done in this thread, as it is when there is little to do. */
  readonly threadCount?: number | undefined
  /** What the work in this thread reads and writes: threads open their own. */
  readonly store: VaultStore
  readonly onPack?: OnPack
}

export function startCrew(setup: CopySetup | ReadSetup, options: CrewOptions): Crew {
  const { blockCount, threadCount = availableParallelism(), store, onPack = () => {} } = options
  return threadCount === 0 || blockCount < BLOCKS_WORTH_A_THREAD
    ? new Alone(setup, store, onPack)
    : new Threads(threadCount, setup, onPack)
}

class Alone implements Crew {
  readonly count = 1
  readonly #worker: CopyWorker | ReadWorker

  constructor(setup: CopySetup | ReadSetup, store: VaultStore, onPack: OnPack) {
    const report = (message: Report): void => {
      if (message.kind === 'pack') onPack(message)
    }
    this.#worker = setup.task === 'copy' ? new CopyWorker(setup, store, report) : new ReadWorker(setup, store, report)
  }

  give(order: Order): Promise<void> {
    // Each task gets orders of its own kind only.
    return this.#worker.work(order as never)
  }

  async finished(): Promise<void> {}

  close(): Promise<void> {
    return this.#worker.close()
  }
}

class Threads implements Crew {
  readonly #workers: Worker[]
  readonly #onPack: OnPack
  readonly #free: Worker[]
  readonly #waiting: ((worker: Worker) => void)[] = []
  readonly #ended: Promise<void>[] = []
  readonly #failed: Promise<never>
  #fail: (error: Error) => void = () => {}
  #busy = 0
  #settled: (() => void)[] = []

  constructor(count: number, setup: CopySetup | ReadSetup, onPack: OnPack) {
    this.#onPack = onPack
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.#failed.catch(() => {}) // whoever works with the threads sees it
    this.#workers = Array.from({ length: count }, () => this.#start(setup))
    this.#free = [...this.#workers]
  }

  get count(): number {
    return this.#workers.length
  }

  async give(order: Order): Promise<void> {
    const worker = await Promise.race([this.#next(), this.#failed])
    this.#busy += 1
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(order)
  }

  async finished(): Promise<void> {
    if (this.#busy === 0) return
    await Promise.race([new Promise<void>((done) => this.#settled.push(done)), this.#failed])
  }

  /** Threads end by themselves, after they have left nothing unfinished. */
  async close(): Promise<void> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    for (const worker of this.#workers) worker.postMessage({ kind: 'end' } satisfies Order)
    await Promise.all(this.#ended)
  }

  #next(): Promise<Worker> {
    const free = this.#free.pop()
    return free ? Promise.resolve(free) : new Promise((give) => this.#waiting.push(give))
  }

  #start(setup: CopySetup | ReadSetup): Worker {
    const worker = new Worker(WORKER, {
      workerData: { setup, compileCache: compileCacheFolder() } satisfies ThreadStart,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#ended.push(new Promise((done) => worker.once('exit', () => done())))
    worker.on('message', (report: Report) => this.#hear(worker, report))
    worker.on('error', (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    return worker
  }

  #hear(worker: Worker, report: Report): void {
    switch (report.kind) {
      case 'pack':
        this.#onPack(report)
        return
      case 'failed':
        this.#fail(errorOf(report))
        return
      case 'done': {
        this.#busy -= 1
        const next = this.#waiting.shift()
        if (next) next(worker)
        else this.#free.push(worker)
        if (this.#busy > 0) return
        for (const done of this.#settled) done()
        this.#settled = []
      }
    }
  }
}

/** Where this process keeps what Node has compiled, as `enableCompileCache` was told: Node adds a folder of its version. */
function compileCacheFolder(): string | undefined {
  const folder = getCompileCacheDir()
  return folder === undefined ? undefined : dirname(folder)
}

/** An error as it was in its thread. */
function errorOf({ name, message, stack }: Extract<Report, { kind: 'failed' }>): Error {
  if (Object.hasOwn(ERROR_KINDS, name)) return new TandemError(name as ErrorName, message)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
