/**
 * DynamoDB of the embedded account: `dynoxide`, a server in one static binary that npm packages carry, in memory, in a
 * process of its own. The wire server passes requests on to it.
 *
 * Its time is the machine's, not the account's: timestamps in its answers (table creation) are real.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { createServer, Socket } from 'node:net'

import type { Clock } from '../clock.ts'
import { AwsError } from '../wire/service.ts'

export interface Dynamodb {
  /** `http://127.0.0.1:<port>`; speaks awsJson 1.0, does not look at signatures. */
  readonly endpoint: string
  /** Resolves when the process is gone, with all its tables. */
  close(): Promise<void>
}

/**
 * Starts the binary under a shell that kills it as soon as the shell's input ends, which it does however this process ends:
 * a SIGKILL leaves nothing behind. Background jobs get /dev/null for their input, hence the third descriptor.
 */
const GUARD = `
exec 3<&0
"$0" serve --host 127.0.0.1 "$@" 3<&- </dev/null & server=$!
{ cat <&3 >/dev/null; kill "$server"; } 2>/dev/null &
exec 3<&-
wait "$server"
`

/** The line that the server prints when it accepts connections. */
const READY = 'listening on'

interface DynamodbOptions {
  /** Held until it answers. */
  readonly clock?: Clock
  /** SQLite file of the tables, made if absent: they survive a restart. In memory without it. */
  readonly path?: string
}

/**
 * Starts DynamoDB, empty or with what is in its file.
 * @throws Error when no binary is installed for this platform, or the binary ends before it answers
 */
export function startDynamodb({ clock, path }: DynamodbOptions = {}): Promise<Dynamodb> {
  return clock ? clock.holding(() => start(path)) : start(path)
}

async function start(path: string | undefined): Promise<Dynamodb> {
  const binary = findBinary()
  const port = await findFreePort()
  const guard = spawn(
    '/bin/sh',
    ['-c', GUARD, binary, '--port', String(port), ...(path === undefined ? [] : ['--db-path', path])],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  await becomesReady(guard)
  letGo(guard)
  return { endpoint: `http://127.0.0.1:${port}`, close: () => stop(guard) }
}

/** Calls an operation of the tables' server. @throws AwsError as it refuses */
export async function askTables(endpoint: string, operation: string, input: object): Promise<Record<string, unknown>> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'x-amz-date': '20260101T000000Z',
      authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/a/dynamodb/aws4_request, SignedHeaders=host, Signature=a',
    },
    body: JSON.stringify(input),
  })
  const body = (await answer.json()) as Record<string, unknown>
  if (answer.ok) return body
  const { __type: type, message = body['Message'] } = body
  const code = typeof type === 'string' ? type.replace(/^.*#/, '') : 'InternalServerError'
  throw new AwsError(code, typeof message === 'string' ? message : code, { status: answer.status })
}

function findBinary(): string {
  const packageName = `@dynoxide/${process.platform}-${process.arch}`
  try {
    return createRequire(import.meta.url).resolve(`${packageName}/dynoxide`)
  } catch (cause) {
    const message = `DynamoDB's binary is not installed: the optional package ${packageName} is missing. `
    throw new Error(`${message}Run npm install on a platform that it exists for (linux-x64).`, { cause })
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('No port.')),
      )
    })
  })
}

function becomesReady(guard: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const read = (chunk: Uint8Array): void => {
      printed += Buffer.from(chunk).toString('utf8')
      if (printed.includes(READY)) resolve()
    }
    guard.stdout?.on('data', read)
    guard.stderr?.on('data', read)
    guard.once('error', reject)
    guard.once('exit', (code) => reject(new Error(`dynoxide ended with ${code} before it answered: ${printed.trim()}`)))
  })
}

/** Keeps neither the process nor its pipes in the way of this process' end. */
function letGo(guard: ChildProcess): void {
  guard.unref()
  for (const pipe of [guard.stdin, guard.stdout, guard.stderr]) if (pipe instanceof Socket) pipe.unref()
}

async function stop(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return
  const exited = new Promise((done) => guard.once('exit', done))
  guard.ref()
  guard.stdin?.destroy()
  await exited
}
