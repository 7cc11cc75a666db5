/**
 * What runs inside a function's worker thread: AWS's Node runtime in small. It loads the bundle on the first invocation,
 * shows the handler virtual time, sends its log lines and its answer to the parent. It imports nothing but Node, because it
 * is loaded afresh for every worker.
 */
import module from 'node:module'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import type { BootstrapSettings, Invocation, WorkerMessage } from './protocol.ts'

const settings = workerData as BootstrapSettings
const port = parentPort
if (!port) throw new Error('bootstrap.ts runs in a worker thread only.')
const send = (message: WorkerMessage): void => port.postMessage(message)

const RealDate = Date
const realNow = RealDate.now.bind(RealDate)
let offsetMs = 0
let requestId = ''

const now = (): number => realNow() + offsetMs

/** `Date` of this worker alone: the virtual time at which the invocation began, plus the real time that it has run. */
function showVirtualTime(): void {
  RealDate.now = now
  const VirtualDate = new Proxy(RealDate, {
    construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    apply: () => new RealDate(now()).toString(),
  })
  RealDate.prototype.constructor = VirtualDate
  globalThis.Date = VirtualDate
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
    if (typeof candidate === 'function') return (loaded = candidate as Handler)
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
  const deadlineMs = realNow() + settings.timeoutMs
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: settings.functionArn,
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    awsRequestId: invocation.requestId,
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - realNow()),
  }
}

async function run(invocation: Invocation): Promise<void> {
  offsetMs = invocation.nowMs - realNow()
  requestId = invocation.requestId
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

showVirtualTime()
captureOutput()
process.on('uncaughtException', (thrown) => {
  sendError(thrown, true)
})
process.on('unhandledRejection', (reason) => {
  sendError(new Error(String(reason)), true, 'Runtime.UnhandledPromiseRejection')
})
port.once('message', (invocation: Invocation) => {
  // The cache is written at a thread's natural end, which a sandbox does not have.
  void run(invocation).then(() => module.flushCompileCache())
  port.on('message', (next: Invocation) => void run(next))
})
