import * as ebs from '@aws-sdk/client-ebs'
import * as s3 from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { manualClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { startWireServer } from '../../local/wire/server.ts'
import type { WireServer } from '../../local/wire/server.ts'
import { AwsError } from '../../local/wire/service.ts'
import type { Service, StreamedBody } from '../../local/wire/service.ts'
import { signer } from './signing.ts'
import { ACCOUNT_ID, ADMINISTRATOR_KEYS, REGION, refusal, START_MS } from './wire-account.ts'

const MEBIBYTE_BYTES = 1024 * 1024

type Streaming<Request> = Omit<Request, 'Body' | 'BlockData'> & {
  readonly Body: StreamedBody
  readonly BlockData: StreamedBody
}

const sha256 = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('hex')

/** Pieces in the order in which an operation saw them, and what became of its body. */
let pieces: Uint8Array[]
let putObject: (request: Streaming<s3.PutObjectRequest>) => Promise<s3.PutObjectOutput>
let getObject: () => AsyncIterable<Uint8Array>
let server: WireServer
let clock: Clock
let client: s3.S3Client

const services: Service[] = [
  {
    sdk: async () => s3,
    clientName: 'S3Client',
    signingName: 's3',
    operations: {
      PutObject: (request: Streaming<s3.PutObjectRequest>) => putObject(request),
      GetObject: () => ({ Body: getObject() }),
      DeleteObjects: (request: s3.DeleteObjectsRequest): s3.DeleteObjectsOutput => ({
        Deleted: request.Delete?.Objects?.map(({ Key }) => ({ Key })),
      }),
    },
  },
  {
    sdk: async () => ebs,
    clientName: 'EBSClient',
    signingName: 'ebs',
    operations: {
      async PutSnapshotBlock({ BlockData }: Streaming<ebs.PutSnapshotBlockRequest>) {
        pieces.push(...((await BlockData.toArray()) as Uint8Array[]))
        return {}
      },
    },
  },
]

beforeEach(async () => {
  pieces = []
  putObject = async ({ Body }) => {
    for await (const piece of Body as AsyncIterable<Uint8Array>) pieces.push(piece)
    return { ETag: '"e"' }
  }
  clock = manualClock(START_MS)
  const { identify } = createIdentities({ accountId: ACCOUNT_ID })
  server = await startWireServer({ services, identify, region: REGION, faults: new Faults(), clock })
  client = new s3.S3Client({
    endpoint: server.endpoint,
    region: REGION,
    credentials: ADMINISTRATOR_KEYS,
    maxAttempts: 1,
  })
})

afterEach(() => server.close())

const put = (Body: s3.PutObjectCommandInput['Body'], more: Partial<s3.PutObjectCommandInput> = {}) =>
  client.send(new s3.PutObjectCommand({ Bucket: 'b', Key: 'k', Body, ...more }))

/** A signed PutObject with exactly these headers; `body` may be anything. */
async function rawPut(
  headers: Record<string, string>,
  body: string | undefined,
  onContinue?: () => void,
): Promise<{ status: number; text: string; headers: IncomingMessage['headers'] }> {
  const { host, hostname, port } = new URL(server.endpoint)
  const asked = { method: 'PUT', protocol: 'http:', hostname, path: '/b/k', headers: { host, ...headers } }
  const { headers: signed } = await signer(ADMINISTRATOR_KEYS, 's3', REGION).sign(asked)
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ method: 'PUT', hostname, port, path: '/b/k', headers: signed }, (answer) => {
      const { statusCode: status = 0, headers: given } = answer
      const toText = (chunks: Uint8Array[]) => ({ status, text: Buffer.concat(chunks).toString(), headers: given })
      resolve(answer.toArray().then(toText))
    })
    outgoing.on('error', reject)
    if (onContinue) {
      outgoing.flushHeaders()
      outgoing.on('continue', () => {
        onContinue()
        outgoing.end(body)
      })
    } else outgoing.end(body)
  })
}

const framed = (body: string, trailer = ''): string =>
  `${body.length.toString(16)}\r\n${body}\r\n0\r\n${trailer}${trailer ? '\r\n' : ''}\r\n`

const UNSIGNED_TRAILER = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }

describe('a body that streams', () => {
  it('reaches its operation while the client still sends it', async () => {
    const first = Buffer.alloc(MEBIBYTE_BYTES, 1)
    async function* body() {
      yield first
      await vi.waitUntil(() => Buffer.concat(pieces).length === first.length)
      yield Buffer.from('end')
    }
    await put(Readable.from(body()), { ContentLength: MEBIBYTE_BYTES + 3 })
    expect(Buffer.concat(pieces).subarray(-3).toString()).toBe('end')
    expect(pieces.length).toBeGreaterThan(2)
  })

  it('is sent no faster than the operation reads', async () => {
    let sentBytes = 0
    let hasRead = false
    putObject = async ({ Body }) => {
      for await (const _ of Body as AsyncIterable<Uint8Array>) {
        if (hasRead) continue
        hasRead = true
        // What fits into the buffers on the way is sent; then the sender must wait.
        let before = -1
        while (before !== sentBytes) {
          before = sentBytes
          for (let turns = 0; turns < 50; turns += 1) await turn()
        }
        expect(sentBytes).toBeLessThan(48 * MEBIBYTE_BYTES)
      }
      return {}
    }
    function* body() {
      for (let index = 0; index < 64; index += 1) {
        sentBytes += MEBIBYTE_BYTES
        yield Buffer.alloc(MEBIBYTE_BYTES)
      }
    }
    await put(Readable.from(body()), { ContentLength: 64 * MEBIBYTE_BYTES })
    expect(sentBytes).toBe(64 * MEBIBYTE_BYTES)
  })

  it('holds the clock until it has come', async () => {
    const holds = { now: 0 }
    const hold = clock.hold.bind(clock)
    vi.spyOn(clock, 'hold').mockImplementation(() => {
      const release = hold()
      holds.now += 1
      let held = true
      return () => {
        if (held) holds.now -= 1
        held = false
        release()
      }
    })
    putObject = async ({ Body }) => {
      for await (const _ of Body as AsyncIterable<Uint8Array>) expect(holds.now).toBe(1)
      return {}
    }
    await put(Readable.from([Buffer.alloc(MEBIBYTE_BYTES)]), { ContentLength: MEBIBYTE_BYTES })
    await vi.waitUntil(() => holds.now === 0)
  })

  it('brings the checksums that the client computed, from headers and from trailers', async () => {
    const seen: unknown[] = []
    putObject = async ({ Body }) => {
      await Body.toArray()
      seen.push(Object.fromEntries(Body.checksums))
      return {}
    }
    await put('123456789', { ChecksumAlgorithm: 'CRC32C' })
    await put(Readable.from(['123456789']), { ChecksumAlgorithm: 'CRC32C', ContentLength: 9 })
    // The check value that the catalogues of CRCs give for `123456789`.
    expect(seen).toEqual([{ CRC32C: '4waSgw==' }, { CRC32C: '4waSgw==' }])
  })

  it('is empty when nothing is sent, and the stream of a block for EBS', async () => {
    await put('')
    expect(pieces).toEqual([])
    const configuration = { endpoint: server.endpoint, region: REGION, credentials: ADMINISTRATOR_KEYS }
    await new ebs.EBSClient(configuration).send(
      new ebs.PutSnapshotBlockCommand({
        SnapshotId: 'snap-1',
        BlockIndex: 0,
        BlockData: Buffer.from('block'),
        DataLength: 5,
        Checksum: 'x',
        ChecksumAlgorithm: 'SHA256',
      }),
    )
    expect(Buffer.concat(pieces).toString()).toBe('block')
  })

  it('fails when it is not what was said of it', async () => {
    const unsigned = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
    const crc = { ...UNSIGNED_TRAILER, 'x-amz-trailer': 'x-amz-checksum-crc32', 'x-amz-decoded-content-length': '3' }
    const answers = [
      await rawPut({ 'x-amz-content-sha256': sha256('abc') }, 'abd'),
      await rawPut({ ...unsigned, 'content-md5': createHash('md5').update('x').digest('base64') }, 'abc'),
      await rawPut({ ...unsigned, 'x-amz-checksum-sha256': 'AAAA' }, 'abc'),
      await rawPut(crc, framed('abc', 'x-amz-checksum-crc32:AAAAAA==\r\n')),
      await rawPut(crc, framed('abc')),
      await rawPut(crc, framed('abcd', 'x-amz-checksum-crc32:AAAAAA==\r\n')),
      await rawPut({ ...UNSIGNED_TRAILER, 'x-amz-decoded-content-length': '3' }, 'no framing'),
      await rawPut({ ...UNSIGNED_TRAILER, 'x-amz-decoded-content-length': '3' }, '3\r\nab'),
    ]
    const codes = answers.map(({ status, text }) => `${status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`)
    expect(codes).toEqual([
      '400 XAmzContentSHA256Mismatch',
      '400 BadDigest',
      '400 BadDigest',
      '400 BadDigest',
      '400 MalformedTrailerError',
      '400 IncompleteBody',
      '400 IncompleteBody',
      '400 IncompleteBody',
    ])
    const right = await rawPut(crc, framed('abc', 'x-amz-checksum-crc32:NSRBwg==\r\n'))
    expect(right.status).toBe(200)
  })

  it('is refused before it comes when its head cannot be fulfilled', async () => {
    const streaming = { ...UNSIGNED_TRAILER }
    const answers = [
      await rawPut({}, 'abc'),
      await rawPut({ 'x-amz-content-sha256': 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD' }, 'abc'),
      await rawPut(streaming, framed('abc')),
      await rawPut({ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'transfer-encoding': 'chunked' }, 'abc'),
      await rawPut({ ...streaming, 'x-amz-decoded-content-length': '5368709121' }, framed('abc')),
    ]
    const codes = answers.map(({ status, text }) => `${status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`)
    expect(codes).toEqual([
      '400 XAmzContentSHA256Mismatch',
      '400 InvalidArgument',
      '411 MissingContentLength',
      '501 NotImplemented',
      '400 EntityTooLarge',
    ])
  })

  it('may not come in small chunks', async () => {
    const small = put(Readable.from([Buffer.from('abc'), Buffer.from('def')]), { ContentLength: 6 })
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    expect(await refusal(small)).toMatchObject({ name: 'InvalidChunkSizeError', status: 403 })
  })

  it('ends without an answer when the client goes away', async () => {
    const ended = Promise.withResolvers<unknown>()
    putObject = async ({ Body }) => {
      const reading = Body.toArray()
      await reading.catch(ended.resolve)
      await reading
      return {}
    }
    const abort = new AbortController()
    async function* body() {
      yield Buffer.alloc(MEBIBYTE_BYTES)
      abort.abort()
      yield Buffer.alloc(MEBIBYTE_BYTES)
    }
    const sending = client.send(
      new s3.PutObjectCommand({
        Bucket: 'b',
        Key: 'k',
        Body: Readable.from(body()),
        ContentLength: 3 * MEBIBYTE_BYTES,
      }),
      { abortSignal: abort.signal },
    )
    await expect(sending).rejects.toThrow()
    expect(await ended.promise).toMatchObject({ code: 'IncompleteBody' })
  })

  it('is asked for only when its operation wants it, of a client that waits to be told', async () => {
    const headers = { 'x-amz-content-sha256': sha256('abc'), 'content-length': '3', expect: '100-continue' }
    const toldToSend = vi.fn<() => void>()
    expect((await rawPut(headers, 'abc', toldToSend)).status).toBe(200)
    expect(toldToSend).toHaveBeenCalledTimes(1)
    putObject = async () => {
      throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', { status: 404 })
    }
    const refused = await rawPut(headers, 'abc', toldToSend)
    expect([refused.status, refused.headers.connection]).toEqual([404, 'close'])
    expect(toldToSend).toHaveBeenCalledTimes(1)
  })

  it('is read whole for an operation that takes no stream', async () => {
    const answer = await client.send(new s3.DeleteObjectsCommand({ Bucket: 'b', Delete: { Objects: [{ Key: 'k' }] } }))
    expect(answer.Deleted).toEqual([{ Key: 'k' }])
  })
})

describe('an answer that streams', () => {
  it('is written no faster than it is read, and ended when the client goes away', async () => {
    let producedBytes = 0
    const ended = Promise.withResolvers<void>()
    getObject = async function* () {
      try {
        for (;;) {
          producedBytes += MEBIBYTE_BYTES
          yield Buffer.alloc(MEBIBYTE_BYTES)
        }
      } finally {
        ended.resolve()
      }
    }
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: 'b', Key: 'k' }))
    if (!(Body instanceof Readable)) throw new Error('The answer does not stream.')
    let before = -1
    while (before !== producedBytes) {
      before = producedBytes
      for (let turns = 0; turns < 50; turns += 1) await turn()
    }
    expect(producedBytes).toBeLessThan(48 * MEBIBYTE_BYTES)
    Body.destroy()
    await ended.promise
  })

  it('breaks off when its source fails', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    getObject = async function* () {
      yield Buffer.from('first')
      throw new Error('the disk is gone')
    }
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: 'b', Key: 'k' }))
    await expect(Body?.transformToString()).rejects.toThrow('aborted')
    expect(print.mock.calls).toEqual([[expect.objectContaining({ message: 'the disk is gone' })]])
    print.mockRestore()
  })
})
