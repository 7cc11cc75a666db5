/**
 * What runs inside a function's worker thread: AWS's Node runtime in small. It loads the bundle on the first invocation,
 * shows the handler virtual time, sends its log lines and its answer to the parent, and says when it only waits. It imports
 * little but Node, because it is loaded afresh for every worker.
 */
import { subscribe } from 'node:diagnostics_channel'
import module from 'node:module'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { BootstrapSettings, Invocation, ParentMessage, WorkerMessage } from './protocol.ts'
import { WorkerTime } from './worker-time.ts'
import { WorkerTimers } from './worker-timers.ts'

const settings = workerData as BootstrapSettings
const port = portOfThread()
const send = (message: WorkerMessage): void => port.postMessage(message)

const RealDate = Date
const realNow = RealDate.now.bind(RealDate)
const realPerformanceNow = performance.now.bind(performance)
const time = new WorkerTime(settings.time)
const timers = new WorkerTimers({ nowMs: () => time.waitedMs, isRunning: () => isInvoked && !time.isPaused })
let offsetMs = 0
let requestId = ''
let isInvoked = false
/** Of the parent's last `look`. */
let turn = 0

const now = (): number => realNow() + offsetMs + time.waitedMs

function portOfThread(): MessagePort {
  if (!parentPort) throw new Error('bootstrap.ts runs in a worker thread only.')
  return parentPort
}

/**
 * `Date` of this worker alone: the virtual time at which the invocation began, plus the virtual time that it has waited and
 * the real time that it has run.
 */
function showVirtualTime(): void {
  RealDate.now = now
  const VirtualDate = new Proxy(RealDate, {
    construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new RealDate(now()).toString(),
  })
  RealDate.prototype.constructor = VirtualDate
  globalThis.Date = VirtualDate
  performance.now = () => realPerformanceNow() + time.waitedMs
}

const logLine = (level: string, text: string): void =>
  send({ kind: 'log', line: `${new Date().toISOString()}\t${requestId}\t${level}\t${text}` })

const write = (chunk: unknown): boolean => {
  const text = chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk)
  for (const line of text.split('\n')) if (line !== '') send({ kind: 'log', line })
  return true
}

function captureOutput(): void {
  const levels = { debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', trace: 'TRACE' } as const
  for (const [method, level] of Object.entries(levels)) {
    Object.assign(console, { [method]: (...args: unknown[]) => logLine(level, format(...args)) })
  }
  Object.assign(process.stdout, { write })
  Object.assign(process.stderr, { write })
}

/** The shape in which AWS's Node runtime reports what a handler threw. */
function sendError(thrown: unknown, fatal: boolean, errorType?: string): void {
  const error =
    thrown instanceof Error
      ? {
          errorType: errorType ?? thrown.name,
          errorMessage: thrown.message,
          trace: (thrown.stack ?? '').split('\n'),
        }
      : { errorType: errorType ?? typeof thrown, errorMessage: String(thrown), trace: [] }
  logLine('ERROR', `${fatal ? 'Uncaught Exception' : 'Invoke Error'} \t${JSON.stringify(error)}`)
  send({ kind: 'failure', error, fatal })
}

type Handler = (event: unknown, context: object) => unknown

function importErrorType(thrown: unknown): string | undefined {
  if (thrown instanceof SyntaxError) return 'Runtime.UserCodeSyntaxError'
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return code === 'ERR_MODULE_NOT_FOUND' ? 'Runtime.ImportModuleError' : undefined
}

let loaded: Handler | undefined

/** The exported handler, or nothing once its failure has been reported: then this worker is of no further use. */
async function loadHandler(): Promise<Handler | undefined> {
  if (loaded) return loaded
  try {
    // In the system's temporary folder, by content: halves the time of a second cold start, and a quarter of its memory.
    module.enableCompileCache()
    const exports: Record<string, unknown> = await import(pathToFileURL(settings.file).href)
    const candidate = exports[settings.exportName]
    if (typeof candidate === 'function') {
      send({ kind: 'loaded' })
      return (loaded = candidate as Handler)
    }
    sendError(
      new Error(`${settings.handler} is undefined or not exported`),
      true,
      candidate === undefined ? 'Runtime.HandlerNotFound' : 'Runtime.HandlerNotAFunction',
    )
  } catch (thrown) {
    sendError(thrown, true, importErrorType(thrown))
  }
  return undefined
}

function contextOf(invocation: Invocation): object {
  const deadlineMs = now() + settings.timeoutMs
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: settings.functionArn,
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    awsRequestId: invocation.requestId,
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - now()),
  }
}

async function run(invocation: Invocation): Promise<void> {
  const handler = await loadHandler()
  if (!handler) return
  let answer: unknown
  try {
    answer = await handler(JSON.parse(invocation.payload), contextOf(invocation))
  } catch (thrown) {
    sendError(thrown, false)
    return
  }
  try {
    send({ kind: 'answer', payload: JSON.stringify(answer) ?? 'null' })
  } catch (thrown) {
    sendError(thrown, false, 'Runtime.MarshalError')
  }
}

async function invoke(invocation: Invocation): Promise<void> {
  offsetMs = invocation.nowMs - realNow() - time.waitedMs
  requestId = invocation.requestId
  process.env['_X_AMZN_TRACE_ID'] = invocation.traceId
  isInvoked = true
  port.unref()
  // What an earlier invocation left behind goes on, as in a sandbox of AWS that was frozen.
  timers.fireDue()
  await run(invocation)
  isInvoked = false
  port.ref()
}

/** Connections to the account, the idle ones of the SDK's agents included. */
const connections = new Set<Socket>()

function watchConnections(): void {
  const accountPort = Number(new URL(process.env['AWS_ENDPOINT_URL'] ?? 'http://127.0.0.1').port)
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket }
    socket.once('connect', () => {
      if (socket.remotePort !== accountPort || socket.localPort === undefined) return
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
      send({ kind: 'connected', port: socket.localPort })
    })
  })
}

/**
 * The parent's port keeps this thread alive between invocations only. While one runs, Node finds an empty event loop as soon
 * as nothing is left but virtual timers: no work of its thread pool, no file, no connection. Calls to the account keep it
 * alive too, unless the parent knows of one that waits.
 */
function look(message: ParentMessage & { kind: 'look' }): void {
  ;({ turn } = message)
  if (!isInvoked) return
  // Agents make a socket count again when they use it for the next request.
  if (message.calls) for (const socket of connections) socket.unref()
  timers.fireDue()
  port.unref()
}

function reportIdle(): void {
  if (!isInvoked) return
  port.ref()
  const { nextInMs } = timers
  send({
    kind: 'idle',
    turn,
    connections: [...connections].map(({ localPort = 0, bytesRead, bytesWritten }) => ({
      port: localPort,
      bytesRead,
      bytesWritten,
    })),
    ...(nextInMs === undefined ? {} : { nextInMs }),
  })
}

showVirtualTime()
timers.install()
captureOutput()
watchConnections()
process.on('uncaughtException', (thrown) => {
  sendError(thrown, true)
})
process.on('unhandledRejection', (reason) => {
  sendError(new Error(String(reason)), true, 'Runtime.UnhandledPromiseRejection')
})
process.on('beforeExit', reportIdle)
let isFirst = true
port.on('message', (message: ParentMessage) => {
  if (message.kind === 'look') return look(message)
  const invoked = invoke(message.invocation)
  // The cache is written at a thread's natural end, which a sandbox does not have.
  if (isFirst) void invoked.then(() => module.flushCompileCache())
  isFirst = false
})
