import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Connections } from '../wire/connections.ts'
import { AwsError } from '../wire/service.ts'
import { notFound, tooLarge, tooMany } from './errors.ts'
import { environmentOf, registered } from './functions.ts'
import type { FunctionConfiguration, RegisteredFunction } from './functions.ts'
import type { FunctionError } from './protocol.ts'
import type { SandboxSettings } from './sandbox.ts'
import { DEFAULT_SANDBOX_LIMIT, Sandboxes } from './sandboxes.ts'

export interface LambdaOptions {
  readonly clock: Clock
  readonly accountId: string
  readonly region: string
  readonly faults: Faults
  /** Those of the endpoint's server. */
  readonly connections: Connections
  /** Where the account listens; asked for whenever a sandbox starts. */
  readonly endpoint: () => string
  readonly credentialsFor: (roleArn: string) => { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  readonly onLog?: (functionName: string, line: string) => void
  /** Worker threads at a time, of all functions together. */
  readonly sandboxLimit?: number
  /** Real time that a handler may run at least without waiting, whatever its timeout; 10 s unless told. */
  readonly patienceMs?: number
}

/** What an invocation came to. `ok: false` is the function's own failure: `payload` is then the error as AWS writes it. */
export interface InvocationResult {
  readonly ok: boolean
  readonly payload: unknown
  readonly errorType?: string
  readonly errorMessage?: string
  readonly trace?: string[]
}

/** Default quota of an account: invocations in flight at a time. */
const CONCURRENCY_LIMIT = 1000
const LOG_LINES = 1000
const PATIENCE_MS = 10_000
/** 6 MiB each way, and room for 100 bytes of envelope on the way back. */
const REQUEST_BYTES = 6 * 1024 * 1024
const RESPONSE_BYTES = REQUEST_BYTES + 100

/** The functions of the account and their invocations. */
export class LambdaRuntime {
  readonly functions = new Map<string, RegisteredFunction>()
  readonly #options: LambdaOptions
  readonly #sandboxes: Sandboxes
  readonly #logs = new Map<string, string[]>()
  #inFlight = 0

  constructor(options: LambdaOptions) {
    this.#options = options
    this.#sandboxes = new Sandboxes(options.sandboxLimit ?? DEFAULT_SANDBOX_LIMIT, options.clock)
  }

  register(configuration: FunctionConfiguration): string {
    const arn = this.#arnOf(configuration.name)
    this.functions.set(configuration.name, registered(configuration, { arn, nowMs: this.#options.clock.now() }))
    this.#sandboxes.forget(arn)
    return arn
  }

  /** The function that a name, an ARN, or a partial ARN (`account:function:name`) means, each with or without `:$LATEST`. */
  find(nameOrArn: string, qualifier = '$LATEST'): RegisteredFunction {
    const match = /^(?:arn:aws[\w-]*:lambda:([^:]+):)?(?:(\d{12}):)?(?:function:)?([\w-]+)(?::([\w$-]+))?$/.exec(
      nameOrArn,
    )
    const [, region = this.#options.region, accountId = this.#options.accountId, name = '', version = qualifier] =
      match ?? []
    const fn = this.functions.get(name)
    if (!fn || region !== this.#options.region || accountId !== this.#options.accountId)
      throw notFound(nameOrArn.startsWith('arn:') ? nameOrArn : this.#arnOf(nameOrArn))
    if (version !== '$LATEST') throw notFound(`${fn.arn}:${version}`)
    return fn
  }

  /** Runs a function to its end; see `Lambda.invoke` for what it throws. */
  async invoke(functionArn: string, payload: unknown, requestId: string = randomUUID()): Promise<InvocationResult> {
    const { clock, faults } = this.#options
    const fn = this.find(functionArn)
    const text = JSON.stringify(payload) ?? '{}'
    if (Buffer.byteLength(text) > REQUEST_BYTES) throw tooLarge(REQUEST_BYTES)
    if (this.#inFlight >= CONCURRENCY_LIMIT) throw tooMany()
    const fault = faults.forInvocation({ functionName: fn.name, payload })
    if (fault?.kind === 'throttle') throw tooMany()
    if (fault?.kind === 'fail')
      return failure({ errorType: fault.error, errorMessage: fault.message ?? 'Failed on purpose.' })
    this.#inFlight += 1
    try {
      if (fault?.kind === 'duplicate') await this.#run(fn, text, requestId)
      const result = await this.#run(fn, text, requestId)
      if (fault?.kind === 'delay') await clock.sleep(fault.delayMs)
      if (fault?.kind === 'loseAnswer')
        throw new AwsError('SdkClientException', 'The connection was lost before the answer came.', { status: 500 })
      return result
    } finally {
      this.#inFlight -= 1
    }
  }

  logs(functionName: string): readonly string[] {
    return this.#logs.get(functionName) ?? []
  }

  close(): Promise<void> {
    return this.#sandboxes.close()
  }

  #arnOf(name: string): string {
    return `arn:aws:lambda:${this.#options.region}:${this.#options.accountId}:function:${name}`
  }

  async #run(fn: RegisteredFunction, payload: string, requestId: string): Promise<InvocationResult> {
    const { clock } = this.#options
    // Until its sandbox takes over.
    const release = clock.hold()
    const outcome = await this.#sandboxes.run(
      fn.arn,
      () => this.#settingsOf(fn),
      () => ({ requestId, payload, nowMs: clock.now(), traceId: traceIdAt(clock.now()) }),
      release,
    )
    if (!outcome.ok) return failure(outcome.error)
    if (Buffer.byteLength(outcome.payload) > RESPONSE_BYTES)
      return failure({
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage: `Response payload size exceeded maximum allowed payload size (${RESPONSE_BYTES} bytes).`,
      })
    return { ok: true, payload: JSON.parse(outcome.payload) }
  }

  #settingsOf(fn: RegisteredFunction): SandboxSettings {
    const { clock, connections, credentialsFor, endpoint, region, patienceMs = PATIENCE_MS } = this.#options
    const timeoutMs = fn.timeoutSeconds * 1000
    const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/')
    return {
      clock,
      connections,
      patienceMs: Math.max(timeoutMs, patienceMs),
      file: fn.bundleFile,
      exportName: fn.exportName,
      handler: fn.handler,
      functionArn: fn.arn,
      timeoutMs,
      memoryMiB: fn.memoryMiB,
      environment: environmentOf(fn, {
        region,
        endpoint: endpoint(),
        logStreamName: `${day}/[$LATEST]${randomUUID().replaceAll('-', '')}`,
        credentials: credentialsFor(fn.roleArn),
      }),
      onLog: (line) => this.#log(fn.name, line),
    }
  }

  #log(functionName: string, line: string): void {
    const lines = this.#logs.get(functionName) ?? []
    lines.push(line)
    if (lines.length > LOG_LINES) lines.shift()
    this.#logs.set(functionName, lines)
    this.#options.onLog?.(functionName, line)
  }
}

/** The form of X-Ray, of a trace that is not sampled; from memory. */
function traceIdAt(nowMs: number): string {
  const [root, parent] = [randomBytes(12), randomBytes(8)].map((bytes) => bytes.toString('hex'))
  return `Root=1-${Math.floor(nowMs / 1000).toString(16)}-${root};Parent=${parent};Sampled=0`
}

const failure = (error: FunctionError): InvocationResult => ({ ok: false, payload: error, ...error })
