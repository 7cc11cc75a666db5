/**
 * The embedded account's HTTP server on loopback. What it serves is decided by the door (`door.ts`).
 *
 * It holds the clock from the moment a request's head has arrived until its answer has been written, except while an
 * operation that returned a promise is under way: that may be waiting for virtual time (a long poll), so it holds the clock
 * by itself while it does I/O. A body that streams into such an operation holds the clock until its end. Before the head
 * arrives and after the answer has left, the request is on a loopback socket where nobody here can see it: whoever calls (a
 * Lambda's worker, a guest, a test) holds the clock around its own work.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import { Connections } from './connections.ts'
import { Door } from './door.ts'
import type { DoorOptions } from './door.ts'
import { serviceEndpoint } from './endpoint.ts'
import { exchange } from './exchange.ts'
import { proxyEndpoint } from './proxy.ts'

export type { ObservedCall } from './door.ts'

export interface WireServer {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string
  readonly port: number
  /** Stops listening and ends every connection, those of calls in flight included. */
  close(): Promise<void>
}

export interface WireServerOptions extends DoorOptions {
  /** Sees every request first: true when it answers it. Such a request holds no clock. */
  readonly control?: (message: IncomingMessage, response: ServerResponse) => boolean
  /** Told of every connection and call. */
  readonly connections?: Connections
  /** A free one unless given. */
  readonly port?: number
}

/**
 * Starts the server on 127.0.0.1.
 * @throws Error when two services have the same signing name, or the port is taken
 */
export async function startWireServer(options: WireServerOptions): Promise<WireServer> {
  const proxies = Object.entries(options.proxy ?? {}).map(([service, url]) => proxyEndpoint(service, url))
  const endpoints = [...options.services.map(serviceEndpoint), ...proxies]
  const door = new Door(options, endpoints)
  const { clock, connections = new Connections() } = options
  let requestCount = 0
  const serve = (message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    if (options.control?.(message, response)) return
    // Counted, so that a run repeats exactly.
    requestCount += 1
    const requestId = `00000000-0000-4000-8000-${String(requestCount).padStart(12, '0')}`
    void exchange({ door, clock, connections }, { message, response, requestId, expectsContinue })
  }
  const server = createServer((message, response) => serve(message, response, false))
  server.on('connection', (socket) => connections.accept(socket))
  server.on('checkContinue', (message, response) => serve(message, response, true))
  // A large object takes as long as it takes.
  server.requestTimeout = 0
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
