import * as fc from 'fast-check'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import type { RequestHead } from '../../local/wire/request.ts'
import { checkSignature, readSignature } from '../../local/wire/signature.ts'
import { openBody } from '../../local/wire/streamed-body.ts'

function* cut(bytes: Buffer, sizes: readonly number[]) {
  let at = 0
  for (let index = 0; at < bytes.length; index += 1) {
    const end = at + (sizes[index % sizes.length] ?? 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

const chunk = (sizeBytes: number, signature: string): string =>
  `${sizeBytes.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(sizeBytes)}\r\n`

describe('chunks with signatures', () => {
  const FOX = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }

  /** The example of AWS' documentation: 65 KiB of `a`, as it would arrive. */
  function example(payloadHash: string, seed: string, headers: Record<string, string>, names: string) {
    const scope = `${FOX.accessKeyId}/20130524/us-east-1/s3/aws4_request`
    const head: RequestHead = {
      requestId: 'r',
      method: 'PUT',
      target: '/examplebucket/chunkObject.txt',
      path: '/examplebucket/chunkObject.txt',
      query: new URLSearchParams(),
      headers: {
        host: 's3.amazonaws.com',
        'x-amz-date': '20130524T000000Z',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '66560',
        'content-length': '66824',
        'x-amz-content-sha256': payloadHash,
        authorization: `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${seed}`,
        ...headers,
      },
    }
    const signature = readSignature(head)
    if (!signature) throw new Error('The signature was not found.')
    expect(checkSignature(signature, head, FOX.secretAccessKey, payloadHash)).toBeUndefined()
    return (bytes: Buffer, sizes: readonly number[] = [bytes.length]) =>
      openBody(Readable.from(cut(bytes, sizes)), head, payloadHash, { signature, ...FOX })
  }

  const SIGNED_HEADERS =
    'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class'
  const CHUNKS =
    chunk(65536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648') +
    chunk(1024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497') +
    chunk(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9')
  const open = () =>
    example(
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      {},
      SIGNED_HEADERS,
    )

  it("are those of AWS' own example, however they are cut on the way", async () => {
    const asked = open()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        const body = Buffer.concat(await asked(Buffer.from(CHUNKS), [...sizes, 1000]).toArray())
        expect(body.equals(Buffer.alloc(66560, 'a'))).toBe(true)
      }),
      { seed: 5, numRuns: 20 },
    )
  })

  it('fail the body when a byte or a signature of theirs was changed', async () => {
    for (const changed of [
      CHUNKS.replace('a'.repeat(1024), `${'a'.repeat(1023)}b`),
      CHUNKS.replace('=ad80', '=ad81'),
    ]) {
      await expect(open()(Buffer.from(changed)).toArray()).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' })
    }
  })
})
