/** Who does the work of a run: this thread, and helpers on further cores. The first failure of anybody ends it. */
import { getCompileCacheDir } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ERROR_KINDS, TandemError, type ErrorName } from '../../core/errors.ts'
import type { VaultStore } from '../../core/vault-store.ts'
import { workerFor, type BlockWorker } from './block-worker.ts'
import type { CopySetup, Order, ReadSetup, Report, ThreadStart, WorkOrder } from './protocol.ts'
import { threadFile } from './thread-file.ts'

type OnPack = (report: Extract<Report, { kind: 'pack' }>) => void

/** 48 MiB: with less, this thread has done most of it before a helper has started. */
const BLOCKS_WORTH_A_HELPER = 96

/** A helper has its next order when it is done with one: this thread may be busy then. */
const ORDERS_AHEAD = 2

export interface CrewOptions {
  /** How much there is to do. */
  readonly blockCount: number
  /** This one included; as many as there are cores unless told. With little to do, this one is alone. */
  readonly threadCount?: number | undefined
  /** What the work in this thread reads and writes: helpers open their own. */
  readonly store: VaultStore
  readonly onPack?: OnPack
}

export class Crew {
  readonly #own: BlockWorker
  readonly #helpers: readonly Helper[]
  /** Rejects with the first failure of a helper. Raced with long work only: what races with it is kept until it ends. */
  readonly #failed: Promise<never>
  #failure: Error | undefined
  /** What this thread is at. */
  #working: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(setup: CopySetup | ReadSetup, options: CrewOptions) {
    const { blockCount, threadCount = availableParallelism(), store, onPack = () => {} } = options
    const { promise, reject } = Promise.withResolvers<never>()
    this.#failed = promise
    this.#failed.catch((error: Error) => {
      this.#failure = error
    })
    const report = (message: Report): void => {
      if (message.kind === 'pack') onPack(message)
    }
    // Helpers after this, which may throw.
    this.#own = workerFor(setup, store, report)
    const helperCount = blockCount < BLOCKS_WORTH_A_HELPER ? 0 : Math.max(0, threadCount - 1)
    this.#helpers = Array.from({ length: helperCount }, () => new Helper(setup, onPack, reject))
  }

  /** Gives an order to one of the crew; resolves when there is room for the next. @throws the first failure of anybody */
  async give(order: WorkOrder): Promise<void> {
    if (this.#failure) throw this.#failure
    const [next] = this.#helpers.toSorted((left, right) => left.orderCount - right.orderCount)
    if (next && next.orderCount < ORDERS_AHEAD) next.give(order)
    else await this.#workHere(order)
  }

  /** Gives an order to all of the crew; resolves when they have carried it out. @throws the first failure of anybody */
  async giveAll(order: WorkOrder): Promise<void> {
    for (const helper of this.#helpers) helper.give(order)
    await Promise.race([this.#workHere(order), this.#failed])
    await this.finished()
  }

  /** Resolves when every order is carried out. @throws the first failure of anybody */
  async finished(): Promise<void> {
    await Promise.race([Promise.all(this.#helpers.map((helper) => helper.idle())), this.#failed])
  }

  /** Resolves when nobody works any more. What is under way is given up, and leaves nothing unfinished. May be repeated. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const ended = this.#helpers.map((helper) => helper.end())
    await this.#own.abandon()
    await this.#working.catch(() => {}) // told to whoever gave the order
    await Promise.all(ended)
    this.#own.close()
  }

  #workHere(order: WorkOrder): Promise<void> {
    const working = this.#own.work(order)
    this.#working = working
    return working
  }
}

/** A thread that works for this one. */
class Helper {
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #orderCount = 0
  #waiting: (() => void)[] = []

  constructor(setup: CopySetup | ReadSetup, onPack: OnPack, fail: (error: Error) => void) {
    this.#worker = new Worker(threadFile.url, {
      workerData: { setup, compileCache: compileCacheFolder() } satisfies ThreadStart,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#ended = new Promise((done) => this.#worker.once('exit', () => done()))
    this.#worker.on('error', (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('message', (report: Report) => {
      if (report.kind === 'pack') onPack(report)
      else if (report.kind === 'failed') fail(errorOf(report))
      else this.#done()
    })
  }

  /** Orders that it has not carried out yet. */
  get orderCount(): number {
    return this.#orderCount
  }

  give(order: WorkOrder): void {
    this.#orderCount += 1
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(order)
  }

  /** Resolves when it has carried out all its orders. */
  idle(): Promise<void> {
    return this.#orderCount === 0 ? Promise.resolve() : new Promise((done) => this.#waiting.push(done))
  }

  /** Resolves when it has ended, which it does by itself: it leaves nothing unfinished. */
  end(): Promise<void> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage({ kind: 'end' } satisfies Order)
    return this.#ended
  }

  #done(): void {
    this.#orderCount -= 1
    if (this.#orderCount > 0) return
    for (const done of this.#waiting) done()
    this.#waiting = []
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
