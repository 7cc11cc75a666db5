import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { Clock } from '../clock.ts'
import { callerTimeMs } from './caller-time.ts'
import type { Connections } from './connections.ts'
import type { Door } from './door.ts'
import type { Unheld } from './endpoint.ts'
import type { WireReply } from './protocol.ts'
import { bodyOf, readHead } from './request.ts'

/** A request and the place for its answer. */
export interface Exchange {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** The client sends its body when told to (`Expect: 100-continue`). */
  readonly expectsContinue: boolean
}

export interface ExchangeOptions {
  readonly door: Door
  readonly clock: Clock
  readonly connections: Connections
}

/** Answers one request. Never rejects. */
export async function exchange(
  { door, clock, connections }: ExchangeOptions,
  { message, response, ...request }: Exchange,
): Promise<void> {
  let release = clock.hold()
  const call = connections.begin(message.socket)
  const unheld: Unheld = async (work) => {
    call.waits()
    release()
    try {
      return await work
    } finally {
      release = clock.hold()
      call.goesOn()
    }
  }
  let isBodyWanted = !request.expectsContinue
  const body = bodyOf(message, () => {
    if (!isBodyWanted) response.writeContinue()
    isBodyWanted = true
  })
  try {
    const head = readHead(message, request.requestId)
    const nowMs = callerTimeMs(head, clock)
    const { reply, isLost } = await door.answer(head, body, unheld)
    // What is left of a body that nobody wanted; a client that is still sending would not see its answer.
    if (!message.complete) message.resume()
    const headers = {
      ...reply.headers,
      date: new Date(nowMs()).toUTCString(),
      // S3 names its request id differently from the rest.
      'x-amzn-requestid': request.requestId,
      'x-amz-request-id': request.requestId,
      // A client that was not told to send its body won't: what comes next on this connection is anybody's guess.
      ...(isBodyWanted ? {} : { connection: 'close' }),
    }
    if (isLost) discard(response, reply)
    else await send(response, { ...reply, headers })
  } catch (error) {
    // A reply that HTTP cannot carry: a bug.
    console.error(error)
    response.destroy()
  } finally {
    call.end()
    release()
  }
}

/** A body that is there as a whole; undefined when it streams. */
function piecesOf({ body }: WireReply): readonly Uint8Array[] | undefined {
  if (typeof body === 'string') return [Buffer.from(body)]
  if (body instanceof Uint8Array) return [body]
  return Symbol.iterator in body ? body : undefined
}

function streamOf({ body }: WireReply): Readable | undefined {
  if (typeof body === 'string' || Symbol.iterator in body) return undefined
  return body instanceof Readable ? body : Readable.from(body, { objectMode: false })
}

function discard(response: ServerResponse, reply: WireReply): void {
  streamOf(reply)?.destroy()
  response.destroy()
}

/** Resolves when the answer has been written, or when nobody is there to read it. */
async function send(response: ServerResponse, reply: WireReply): Promise<void> {
  const isBodiless = response.req.method === 'HEAD' || reply.status === 204 || reply.status === 304
  const stream = streamOf(reply)
  if (stream && (isBodiless || response.destroyed)) stream.destroy()
  if (response.destroyed) return
  if (stream && !isBodiless) {
    response.writeHead(reply.status, reply.headers)
    await sendStream(response, stream)
    return
  }
  await sendWhole(response, reply, isBodiless ? undefined : piecesOf(reply))
}

function sendWhole(
  response: ServerResponse,
  { status, headers }: WireReply,
  pieces: readonly Uint8Array[] | undefined,
): Promise<void> {
  return new Promise((done) => {
    response.once('finish', done)
    response.once('close', done)
    const length = pieces?.reduce((sum, piece) => sum + piece.length, 0)
    response.writeHead(status, length === undefined ? headers : { ...headers, 'content-length': length })
    for (const piece of pieces?.slice(0, -1) ?? []) response.write(piece)
    response.end(pieces?.at(-1))
  })
}

/** A source that fails leaves an answer that breaks off; a client that goes away ends the source. */
async function sendStream(response: ServerResponse, stream: Readable): Promise<void> {
  try {
    await pipeline(stream, response)
  } catch (error) {
    if (!response.destroyed || response.writableFinished) throw error
    const isClientGone = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
    if (!isClientGone) console.error(error)
  }
}
