import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import type { Connections } from '../wire/connections.ts'
import { InvocationHold } from './invocation-hold.ts'
import type { BootstrapSettings, FunctionError, Invocation, ParentMessage, WorkerMessage } from './protocol.ts'
import { workerModuleUrl } from './worker-modules.ts'
import { WorkerTime } from './worker-time.ts'

export interface SandboxSettings extends Omit<BootstrapSettings, 'time'> {
  readonly clock: Clock
  readonly connections: Connections
  /** The whole environment of the function: nothing of this process's own is passed on. */
  readonly environment: Readonly<Record<string, string>>
  readonly memoryMiB: number
  /** Real time that an invocation may run without waiting. */
  readonly patienceMs: number
  readonly onLog: (line: string) => void
}

export type Outcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly error: FunctionError }

/**
 * A young generation of 4 MiB saves 30 MB per worker against one of 16 MiB, for the same speed (measured with a bundle of the
 * EC2, DynamoDB and Step Functions clients).
 */
const YOUNG_GENERATION_MIB = 4

interface Running {
  readonly invocation: Invocation
  readonly settle: (outcome: Outcome) => void
  readonly hold: InvocationHold
}

/** Told when the invocation of a sandbox waits for virtual time, and when it goes on: meanwhile it takes no processor. */
export interface Pauses {
  readonly onPause: () => void
  readonly onResume: () => void
}

/**
 * One execution environment of one function: a worker thread with its own heap, environment and module graph, which runs one
 * invocation at a time and stays warm between them. `spent` says that it must not be used again.
 */
export class Sandbox {
  readonly functionArn: string
  readonly #settings: SandboxSettings
  readonly #worker: Worker
  readonly #time = new WorkerTime()
  /** The worker's ends of its connections to the account, those that have closed included. */
  readonly #ports = new Set<number>()
  #running: Running | undefined
  #spent = false
  #turn = 0
  #isCold = true
  /** Virtual time at which the last invocation ended. */
  #restsSinceMs: number

  constructor(settings: SandboxSettings) {
    this.functionArn = settings.functionArn
    this.#settings = settings
    this.#restsSinceMs = settings.clock.now()
    const { file, exportName, handler, functionArn, timeoutMs } = settings
    const data: BootstrapSettings = { file, exportName, handler, functionArn, timeoutMs, time: this.#time.buffer }
    this.#worker = new Worker(new URL(workerModuleUrl('bootstrap.ts')), {
      name: functionArn.split(':').at(-1) ?? functionArn,
      env: { ...settings.environment },
      workerData: data,
      execArgv: [],
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: {
        maxOldGenerationSizeMb: settings.memoryMiB,
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB,
      },
    })
    this.#worker.unref()
    this.#worker.on('message', (message: WorkerMessage) => this.#hear(message))
    this.#worker.on('error', (error) => this.#die(exitReason(error)))
    this.#worker.on('exit', (code) => this.#die(code === 0 ? undefined : `exit status ${code}`))
  }

  get spent(): boolean {
    return this.#spent
  }

  /** Runs one invocation to its end, or to the function's timeout. Never rejects. */
  run(invocation: Invocation, pauses: Pauses): Promise<Outcome> {
    this.#worker.ref()
    const { clock, connections, timeoutMs, patienceMs } = this.#settings
    this.#time.waitedMs += clock.now() - this.#restsSinceMs
    return new Promise((settle) => {
      const hold = new InvocationHold(
        {
          ...pauses,
          clock,
          connections,
          ports: this.#ports,
          time: this.#time,
          timeoutMs,
          patienceMs,
          look: (calls) => {
            this.#turn += 1
            this.#send({ kind: 'look', turn: this.#turn, calls })
            return this.#turn
          },
          onTimeout: () => this.#timeOut(),
          onPatienceLost: () => this.#losePatience(),
          onStandstill: () =>
            this.#note('It waits for virtual time, but the clock is held: by whom, and is that one waiting for it?'),
        },
        { turn: this.#turn, isCold: this.#isCold },
      )
      this.#running = { invocation, settle, hold }
      this.#send({ kind: 'invoke', invocation })
    })
  }

  #send(message: ParentMessage): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    this.#worker.postMessage(message)
  }

  async end(): Promise<void> {
    this.#spent = true
    await this.#worker.terminate()
  }

  #hear(message: WorkerMessage): void {
    switch (message.kind) {
      case 'log':
        this.#settings.onLog(message.line)
        return
      case 'loaded':
        this.#isCold = false
        this.#running?.hold.loaded()
        return
      case 'answer':
        this.#settle({ ok: true, payload: message.payload })
        return
      case 'failure':
        if (message.fatal) void this.end()
        this.#settle({ ok: false, error: message.error })
        return
      case 'connected':
        this.#ports.add(message.port)
        this.#settings.connections.watch(message.port, {
          waits: () => this.#running?.hold.waits(),
          goesOn: () => this.#running?.hold.goesOn(),
        })
        return
      case 'idle':
        this.#running?.hold.idle(message)
        return
    }
  }

  /** What runs out is the patience with code that really runs, or waits for what no clock can see. */
  #losePatience(): void {
    const seconds = this.#settings.patienceMs / 1000
    this.#note(`Ended: for ${seconds} s of real time it has neither ended nor waited for virtual time.`)
    this.#timeOut()
  }

  /** What AWS would not say, of the account itself. */
  #note(text: string): void {
    const requestId = this.#running?.invocation.requestId
    this.#settings.onLog(`[embedded account] RequestId: ${requestId} ${text}`)
  }

  #timeOut(): void {
    const seconds = (this.#settings.timeoutMs / 1000).toFixed(2)
    this.#fail('Sandbox.Timedout', `Task timed out after ${seconds} seconds`)
    void this.end()
  }

  #die(reason: string | undefined): void {
    this.#spent = true
    this.#fail(
      'Runtime.ExitError',
      reason ? `Runtime exited with error: ${reason}` : 'Runtime exited without providing a reason',
    )
  }

  #fail(errorType: string, message: string): void {
    const running = this.#running
    if (!running) return
    const { requestId } = running.invocation
    this.#settings.onLog(`RequestId: ${requestId} Error: ${message} ${errorType}`)
    this.#settle({ ok: false, error: { errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` } })
  }

  #settle(outcome: Outcome): void {
    const running = this.#running
    if (!running) return
    this.#running = undefined
    this.#restsSinceMs = this.#settings.clock.now()
    this.#worker.unref()
    running.settle(outcome)
    running.hold.end()
  }
}

/** A worker that outgrows its heap ends as a function does that outgrows its memory: killed. */
const exitReason = (error: unknown): string =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? 'signal: killed'
    : 'exit status 1'
