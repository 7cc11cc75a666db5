/** What is on the disk that is measured, beside programs: made from seeds. */
import { createCipheriv, createHash } from 'node:crypto'

const PIECE_BYTES = 1024 * 1024
const DATABASE_PAGE_BYTES = 8192

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What looks random, as media and archives do. */
export function seededNoise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

export function* noise(bytes: number): Iterable<Buffer> {
  for (let done = 0; done < bytes; done += PIECE_BYTES) yield seededNoise(`noise at ${done}`, PIECE_BYTES)
}

const PATHS = ['/', '/api/orders', '/api/orders/items', '/static/app.js', '/login', '/health', '/api/search?q=']
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64)',
  'curl/8.5.0',
  'kube-probe/1.30',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1)',
]
const LEVELS = ['info', 'info', 'info', 'debug', 'warn', 'error']

/** Logs of a web server and of an application, in turns of one piece. */
export function* logLines(bytes: number): Iterable<Buffer> {
  const random = randomOf(1)
  const one = (of: readonly string[]): string => of[Math.floor(random() * of.length)] ?? ''
  const whole = (below: number): number => Math.floor(random() * below)
  let timeMs = Date.UTC(2026, 0, 1)
  for (let done = 0; done < bytes; done += PIECE_BYTES) {
    const isServer = (done / PIECE_BYTES) % 2 === 0
    let text = ''
    while (text.length < PIECE_BYTES) {
      timeMs += whole(50)
      const time = new Date(timeMs).toISOString()
      const address = `10.${whole(256)}.${whole(256)}.${whole(256)}`
      text += isServer
        ? `${address} - - [${time}] "GET ${one(PATHS)}${whole(100_000)} HTTP/1.1" 200 ${whole(50_000)} "-" "${one(AGENTS)}" 0.${whole(1000)}\n`
        : `{"time":"${time}","level":"${one(LEVELS)}","request":"${whole(2 ** 31).toString(16)}","from":"${address}","path":"${one(PATHS)}","ms":${whole(900)},"user":${whole(10_000)}}\n`
    }
    yield Buffer.from(text.slice(0, PIECE_BYTES), 'latin1')
  }
}

/** Pages of a database: a head, rows of numbers and words, and room at the end. */
export function* databasePages(bytes: number): Iterable<Buffer> {
  const random = randomOf(2)
  for (let done = 0; done < bytes; done += PIECE_BYTES) {
    const pages = Buffer.alloc(PIECE_BYTES)
    for (let page = 0; page < PIECE_BYTES; page += DATABASE_PAGE_BYTES) {
      const end = page + Math.floor(DATABASE_PAGE_BYTES * (0.6 + random() * 0.35))
      let at = pages.writeUInt32LE((done + page) / DATABASE_PAGE_BYTES, page) + 20
      for (let row = 0; at + 80 < end; row += 1) {
        at = pages.writeUInt32LE(row, at)
        at = pages.writeDoubleLE(random() * 1000, at)
        at = pages.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
        at += pages.write(`customer-${Math.floor(random() * 50_000)}@example.com`, at, 'latin1')
        at += pages.write(`order ${row} of ${Math.floor(random() * 1000)} items`, at, 'latin1')
      }
    }
    yield pages
  }
}
