/** The HTTP side of instance metadata: session tokens (IMDSv2), who may ask at all, paths. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { InstanceMetadataOptionsResponse } from '@aws-sdk/client-ec2'
import { LONGEST_TTL_SECONDS, SHORTEST_TTL_SECONDS } from './tokens.ts'
import type { Tokens } from './tokens.ts'
import { read } from './tree.ts'
import type { Folder } from './tree.ts'

export interface MetadataSource {
  readonly tokens: Tokens
  /** The instance's metadata options at this moment. */
  readonly access: () => InstanceMetadataOptionsResponse
  /** What is below a version, e.g. `meta-data`. */
  readonly content: () => Folder
}

interface Answer {
  readonly status: number
  readonly body?: string
  readonly ttlSeconds?: number
}

const TOKEN_HEADER = 'x-aws-ec2-metadata-token'
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'
/** The earliest and the current one of the versions; all of them answer alike here. */
const VERSIONS = ['1.0', '2021-07-15', 'latest']
const VERSION = /^(1\.0|\d{4}-\d{2}-\d{2}|latest)$/
/** Signatures that only AWS can make, and what this account has nothing to say about. */
const NOT_IMPLEMENTED =
  /^\/[^/]+\/(dynamic\/instance-identity\/(pkcs7|rsa2048|signature)|dynamic\/fws|meta-data\/(spot|managed-ssh-keys|public-keys|elastic-inference))(\/|$)/

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

function issueToken(request: IncomingMessage, tokens: Tokens): Answer {
  // Whoever forwards requests of others must not get a token for them.
  if (headerOf(request, 'x-forwarded-for') !== undefined) return { status: 403 }
  const text = headerOf(request, TTL_HEADER) ?? ''
  const ttlSeconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (ttlSeconds < SHORTEST_TTL_SECONDS || ttlSeconds > LONGEST_TTL_SECONDS) return { status: 400 }
  return { status: 200, body: tokens.issue(ttlSeconds), ttlSeconds }
}

function contentAt(path: string, source: MetadataSource): Answer {
  if (NOT_IMPLEMENTED.test(path)) return { status: 501, body: `The embedded account does not implement ${path}.` }
  const [version = '', ...rest] = path.split('/').slice(1)
  if (version === '') return { status: 200, body: VERSIONS.join('\n') }
  const body = VERSION.test(version) ? read(source.content(), rest) : undefined
  return body === undefined ? { status: 404 } : { status: 200, body }
}

function answer(request: IncomingMessage, source: MetadataSource): Answer {
  const { HttpEndpoint: endpoint = 'enabled', HttpTokens: required = 'optional' } = source.access()
  if (endpoint === 'disabled') return { status: 403 }
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://metadata').pathname)
  if (path === '/latest/api/token')
    return request.method === 'PUT' ? issueToken(request, source.tokens) : { status: 405 }
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405 }
  const token = headerOf(request, TOKEN_HEADER)
  if (token === undefined) return required === 'required' ? { status: 401 } : contentAt(path, source)
  const ttlSeconds = source.tokens.secondsLeft(token)
  return ttlSeconds === 0 ? { status: 401 } : { ...contentAt(path, source), ttlSeconds }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
}

function respond(response: ServerResponse, { status, body = REASONS[status] ?? '', ttlSeconds }: Answer): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain',
    'Content-Length': Buffer.byteLength(body),
    Server: 'EC2ws',
    ...(ttlSeconds === undefined ? {} : { [TTL_HEADER]: String(ttlSeconds) }),
  })
  response.end(body)
}

/** Listens on a free port of loopback until closed. */
export async function serveMetadata(source: MetadataSource): Promise<{ endpoint: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume()
    try {
      respond(response, answer(request, source))
    } catch {
      respond(response, { status: 500 })
    }
  })
  server.unref()
  await new Promise<void>((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Instance metadata listens at no port.')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    close() {
      const closed = new Promise<void>((done) => server.close(() => done()))
      server.closeAllConnections()
      return closed
    },
  }
}
