/**
 * The other side of a measurement: a process that sends one request over and over, over connections that are kept, and says
 * how many answers came. Its arguments and its result are JSON (see `Load`).
 */
import { connect } from 'node:net'

export interface Load {
  readonly port: number
  /** The whole HTTP request, base64. */
  readonly request: string
  readonly connections: number
  readonly seconds: number
  /** Goes on until at least so many answers have come. */
  readonly minAnswers: number
}

export interface LoadResult {
  readonly answers: number
  /** Answers other than 200. */
  readonly refusals: number
  readonly seconds: number
  readonly answerBytes: number
}

/** Length of the first answer in `bytes`, head included; undefined while it is not whole. */
function answerLength(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [, length] = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd)) ?? []
  const end = headEnd + 4 + Number(length ?? 0)
  return bytes.length < end ? undefined : end
}

async function run({ port, request, connections, seconds, minAnswers }: Load): Promise<LoadResult> {
  const bytes = Buffer.from(request, 'base64')
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  let [answers, refusals, answerBytes] = [0, 0, 0]
  const one = (): Promise<void> =>
    new Promise((done, fail) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(bytes))
      let unread = Buffer.alloc(0)
      socket.on('error', fail)
      socket.on('data', (piece) => {
        unread = unread.length > 0 ? Buffer.concat([unread, piece]) : piece
        const length = answerLength(unread)
        if (length === undefined) return
        answers += 1
        answerBytes = length
        if (!unread.toString('latin1', 0, 12).endsWith(' 200')) refusals += 1
        unread = unread.subarray(length)
        if (performance.now() < endMs || answers < minAnswers) socket.write(bytes)
        else socket.end(done)
      })
    })
  await Promise.all(Array.from({ length: connections }, one))
  return { answers, refusals, answerBytes, seconds: (performance.now() - startMs) / 1000 }
}

const [load] = process.argv.slice(2)
if (load !== undefined) console.log(JSON.stringify(await run(JSON.parse(load) as Load)))
