/** The line on which programs in a guest talk to whoever plays the machine around them: one request, one answer, each a line of text. */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

/** @param gone aborts when nobody waits for the answer any more */
export type AnswerHostCall = (instanceId: string, words: readonly string[], gone: AbortSignal) => Promise<string>

export interface HostLine {
  readonly port: number
  close(): void
}

const LONGEST_REQUEST = 10_000

function serve(socket: Socket, answer: AnswerHostCall): void {
  const gone = new AbortController()
  let request = ''
  let isAnswering = false
  socket.setEncoding('utf8')
  socket.on('error', () => {}) // the guest was killed in the middle of it; `close` follows
  socket.on('close', () => gone.abort())
  socket.on('data', (text: string) => {
    request += text
    if (request.length > LONGEST_REQUEST) socket.destroy()
    if (isAnswering || !request.includes('\n')) return
    isAnswering = true
    const [instanceId = '', ...words] = request.trim().split(' ')
    answer(instanceId, words, gone.signal).then(
      (line) => socket.end(`${line}\n`),
      (error: unknown) => socket.end(`failed ${String(error).replaceAll('\n', ' ')}\n`),
    )
  })
}

/** Listens on a free port of loopback. A line that is open keeps no process alive. */
export async function openHostLine(answer: AnswerHostCall): Promise<HostLine> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.unref()
    serve(socket, answer)
  })
  server.unref()
  await new Promise<void>((done, failed) => void server.once('error', failed).listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The line to the guests has no port.')
  return {
    port: address.port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
