/**
 * The door of the embedded account: one HTTP server on loopback that speaks AWS' wire protocols.
 *
 * It holds the clock from the moment a request's head has arrived until its answer has been written, except while an
 * operation that returned a promise is under way: that may be waiting for virtual time (a long poll), so it holds the clock
 * by itself while it does I/O. Before the head arrives and after the answer has left, the request is on a loopback socket
 * where nobody here can see it: whoever calls (a Lambda's worker, a guest, a test) holds the clock around its own work.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import type { Clock } from '../clock.ts'
import type { CallEffect, Faults } from '../faults.ts'
import { authenticate } from './authenticate.ts'
import type { KeyOwner } from './authenticate.ts'
import { encodeUnrouted, notImplemented, serviceEndpoint } from './endpoint.ts'
import type { Endpoint, RoutedCall, Unheld } from './endpoint.ts'
import type { WireReply, WireRequest } from './protocol.ts'
import { payloadHashOf } from './payload-hash.ts'
import { proxyEndpoint } from './proxy.ts'
import { readBody, readHead } from './request.ts'
import type { RequestHead } from './request.ts'
import { AwsError } from './service.ts'
import type { Caller, Service } from './service.ts'
import { readSignature } from './signature.ts'
import type { Signature } from './signature.ts'

export interface WireServer {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string
  readonly port: number
  /** Stops listening and ends every connection, those of calls in flight included. */
  close(): Promise<void>
}

/** A call that a known caller made, as it was answered; for a lost answer, as it would have been answered. */
export interface ObservedCall {
  /** Signing name, e.g. `ec2`. */
  readonly service: string
  readonly operation: string
  readonly caller: Caller
  readonly input: unknown
  readonly status: number
  readonly errorCode?: string
}

export interface WireServerOptions {
  /** Of the home account in `region`: the operations that exist, and what answers unless `servicesAt` says otherwise. */
  readonly services: readonly Service[]
  /** What answers calls of another account or Region, the same services in kind; undefined: no such Region. */
  readonly servicesAt?: (place: {
    readonly accountId: string
    readonly region: string
  }) => readonly Service[] | undefined
  /** Who owns an access key. */
  readonly identify: (accessKeyId: string) => KeyOwner | undefined
  /** The Region of `services`. Without `servicesAt`, calls signed for another one are refused. */
  readonly region: string
  readonly faults: Faults
  readonly clock: Clock
  /** Throws AwsError to refuse (RequestLimitExceeded …); asked before `authorize`. */
  readonly throttle?: (call: { service: string; operation: string; input: unknown; caller: Caller }) => void
  /** Throws AwsError to refuse (AccessDenied …). */
  readonly authorize?: (call: { service: string; operation: string; input: unknown; caller: Caller }) => void
  /** Signing name → URL, by caller, of another server that speaks awsJson; its requests are passed on as they are. */
  readonly proxy?: Readonly<Record<string, (caller: Caller) => Promise<string>>>
  /** A free one unless given. */
  readonly port?: number
  /** Awaited before the answer of a call that may have changed something leaves: an answered call is never lost. */
  readonly kept?: () => Promise<void>
  /** Called before the answer leaves, so that an observer knows of a call no later than its caller. */
  readonly onCall?: (call: ObservedCall) => void
}

/** Status of the codes that AWS answers as its own fault; the rest is 400. For planned faults that name a code only. */
const STATUS_OF_FAULT: Readonly<Record<string, number>> = {
  InternalError: 500,
  InternalFailure: 500,
  InternalServerError: 500,
  RequestLimitExceeded: 503,
  ServiceUnavailable: 503,
  SlowDown: 503,
  Unavailable: 503,
}

/** Operations that change nothing, by AWS' way of naming them. */
const READS = /^(Describe|Get|List|Head|Query|Scan|BatchGet|TransactGet)/

/**
 * Starts the server on 127.0.0.1.
 * @throws Error when a service cannot be served (see serviceEndpoint) or the port is taken
 */
export async function startWireServer(options: WireServerOptions): Promise<WireServer> {
  const proxies = Object.entries(options.proxy ?? {}).map(([service, url]) => proxyEndpoint(service, url))
  const endpoints = [...options.services.map(serviceEndpoint), ...proxies]
  const byService = new Map(endpoints.map((endpoint) => [endpoint.service, endpoint]))
  if (byService.size < endpoints.length) throw new Error('Two services have the same signing name.')
  const door = new Door(options, byService)
  const server = createServer((message, response) => void door.serve(message, response))
  // A kept connection that is closed by a timer here breaks the request that a client sends at that instant.
  server.keepAliveTimeout = 0
  const port = await listen(server, options.port ?? 0)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    async close() {
      const closed = new Promise((done) => server.close(done))
      server.closeAllConnections()
      await closed
      for (const proxy of proxies) proxy.close()
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

/** What becomes of a call: its reply, and whether the caller ever gets it. */
interface Outcome {
  readonly reply: WireReply
  readonly isLost: boolean
}

type ServicesByClient = ReadonlyMap<string, Service>

class Door {
  readonly #options: WireServerOptions
  readonly #endpoints: ReadonlyMap<string, Endpoint>
  readonly #clientNames: ReadonlyMap<string, string>
  readonly #places = new Map<string, ServicesByClient>()
  #requestCount = 0

  constructor(options: WireServerOptions, endpoints: ReadonlyMap<string, Endpoint>) {
    this.#options = options
    this.#endpoints = endpoints
    this.#clientNames = new Map(
      [...endpoints].flatMap(([name, { clientName }]) => (clientName === undefined ? [] : [[name, clientName]])),
    )
  }

  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock } = this.#options
    let release = clock.hold()
    const unheld: Unheld = async (work) => {
      release()
      try {
        return await work
      } finally {
        release = clock.hold()
      }
    }
    try {
      const head = readHead(message, this.#nextRequestId())
      const { reply, isLost } = await this.#answer(message, head, unheld)
      for (const [name, value] of requestIdHeaders(head.requestId)) response.setHeader(name, value)
      if (isLost) response.destroy()
      else await send(response, reply)
    } catch (error) {
      // A body that broke off leaves nobody to answer; all else is a reply that HTTP cannot carry, a bug.
      if (message.complete) console.error(error)
      response.destroy()
    } finally {
      release()
    }
  }

  async #answer(message: IncomingMessage, head: RequestHead, unheld: Unheld): Promise<Outcome> {
    const signature = readSignature(head)
    const endpoint = signature && this.#endpoints.get(signature.service)
    let request: WireRequest = { ...head, body: new Uint8Array() }
    try {
      request = { ...head, body: await readBody(message, signature?.service ?? '') }
      if (!signature) throw new AwsError('MissingAuthenticationToken', 'Missing Authentication Token', { status: 403 })
      if (!endpoint) throw notImplemented(`The service ${signature.service}`)
      const caller = this.#identify(signature, endpoint, request)
      const call = endpoint.route(request, this.#serviceAt(caller, endpoint.service))
      return await this.#perform(endpoint, call, caller, request, unheld)
    } catch (error) {
      if (message.destroyed && !message.complete) throw error
      const refusal = asAwsError(error)
      return { reply: endpoint?.encodeError(refusal, request) ?? encodeUnrouted(refusal, request), isLost: false }
    }
  }

  #identify(signature: Signature, endpoint: Endpoint, request: WireRequest): Caller {
    const { accessKeyId, region } = signature
    const payloadHash = payloadHashOf(signature, request, request.body)
    const identity = authenticate(signature, request, payloadHash, endpoint, this.#options.identify)
    if (!this.#servicesAt({ accountId: identity.accountId, region })) {
      const message = `Credential should be scoped to a valid region, not '${region}'. This endpoint is '${this.#options.region}'.`
      throw new AwsError('SignatureDoesNotMatch', message, { status: 403 })
    }
    return { accountId: identity.accountId, region, arn: identity.arn, accessKeyId, requestId: request.requestId }
  }

  /** The services of a place by their clients; undefined when there is no such place. */
  #servicesAt(place: { readonly accountId: string; readonly region: string }): ServicesByClient | undefined {
    const { servicesAt, services, region } = this.#options
    const name = `${place.accountId}/${place.region}`
    const known = this.#places.get(name)
    if (known) return known
    const found = servicesAt ? servicesAt(place) : place.region === region ? services : undefined
    const byClient = found && new Map(found.map((service) => [service.clientName, service]))
    if (byClient) this.#places.set(name, byClient)
    return byClient
  }

  /** The caller's own instance of a service; undefined for one that is not in this process. */
  #serviceAt(caller: Caller, signingName: string): Service | undefined {
    const clientName = this.#clientNames.get(signingName)
    return clientName === undefined ? undefined : this.#servicesAt(caller)?.get(clientName)
  }

  /** Runs one understood call; faults strike only calls that would have been let through. */
  async #perform(
    endpoint: Endpoint,
    call: RoutedCall,
    caller: Caller,
    request: WireRequest,
    unheld: Unheld,
  ): Promise<Outcome> {
    const { service } = endpoint
    const { operation } = call
    let input: unknown
    let fault: CallEffect | undefined
    let reply: WireReply
    try {
      input = await call.decode()
      this.#options.throttle?.({ service, operation, input, caller })
      this.#options.authorize?.({ service, operation, input, caller })
      fault = this.#options.faults.forCall({ service, operation, input })
      if (fault?.kind === 'fail') throw plannedError(fault)
      reply = await call.run(input, caller, unheld)
    } catch (error) {
      reply = endpoint.encodeError(asAwsError(error), request)
    }
    const { status, errorCode } = reply
    if (!READS.test(operation)) await this.#options.kept?.()
    if (fault?.kind === 'delay') await unheld(this.#options.clock.sleep(fault.delayMs))
    this.#options.onCall?.({ service, operation, caller, input, status, errorCode })
    return { reply, isLost: fault?.kind === 'loseAnswer' }
  }

  /** Counted, so that a run repeats exactly. */
  #nextRequestId(): string {
    this.#requestCount += 1
    return `00000000-0000-4000-8000-${String(this.#requestCount).padStart(12, '0')}`
  }
}

/** S3 names its request id differently from the rest. */
const requestIdHeaders = (requestId: string): (readonly [string, string])[] => [
  ['x-amzn-requestid', requestId],
  ['x-amz-request-id', requestId],
]

function plannedError({ code, message, status }: Extract<CallEffect, { kind: 'fail' }>): AwsError {
  return new AwsError(code, message ?? `${code} (a planned fault)`, { status: status ?? STATUS_OF_FAULT[code] ?? 400 })
}

/** What is no refusal is a bug of the account: it is printed here, once, and answered as AWS answers its own. */
function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error
  console.error(error)
  return new AwsError('InternalFailure', 'An internal error has occurred', { status: 500 })
}

/** Resolves when the answer has been written, or when nobody is there to read it. */
function send(response: ServerResponse, reply: WireReply): Promise<void> {
  return new Promise((done) => {
    response.once('finish', done)
    response.once('close', done)
    if (response.destroyed) return done()
    const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
    const isBodiless = response.req.method === 'HEAD' || reply.status === 204 || reply.status === 304
    response.writeHead(reply.status, isBodiless ? reply.headers : { ...reply.headers, 'content-length': body.length })
    response.end(isBodiless ? undefined : body)
  })
}
