import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm, CompletedPart, CreateMultipartUploadCommandInput } from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bucket, MEBIBYTE_BYTES, refusal, startS3 } from './s3-account.ts'
import type { S3Account } from './s3-account.ts'

const PART_BYTES = 5 * MEBIBYTE_BYTES
const parts = [Buffer.alloc(PART_BYTES, 'a'), Buffer.alloc(PART_BYTES, 'b'), Buffer.from('the end')]
const whole = Buffer.concat(parts)

let account: S3Account
beforeAll(async () => {
  account = await startS3()
})
afterAll(() => account.close())

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}): Promise<string> {
  const { UploadId = '' } = await account.client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))
  return UploadId
}

async function upload(Key: string, UploadId: string, bodies = parts, algorithm?: ChecksumAlgorithm) {
  const uploaded: CompletedPart[] = []
  for (const [index, Body] of bodies.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: algorithm }
    const { ETag, ChecksumCRC32, ChecksumSHA256 } = await account.client.send(new UploadPartCommand(part))
    uploaded.push({ PartNumber: index + 1, ETag, ChecksumCRC32, ChecksumSHA256 })
  }
  return uploaded
}

const complete = (Key: string, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
  account.client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }),
  )

describe('a multipart upload', () => {
  it('becomes one object, whose parts and ranges can be read', async () => {
    const id = await begin('big', {
      ContentType: 'text/plain',
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    })
    const uploaded = await upload('big', id)
    expect((await account.client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toMatchObject([
      { Key: 'big', UploadId: id },
    ])
    const listed = await account.client.send(new ListPartsCommand({ Bucket, Key: 'big', UploadId: id, MaxParts: 2 }))
    expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '2', Parts: [{ Size: PART_BYTES }, {}] })
    expect((await account.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)

    const { ETag, ChecksumCRC32 } = await complete('big', id, uploaded)
    const digests = parts.map((part) => createHash('md5').update(part).digest())
    expect(ETag).toBe(`"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-3"`)
    // Combined from the parts' checksums: nothing has been read again.
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(whole))
    expect(ChecksumCRC32).toBe(sum.toString('base64'))

    const { Body, ContentLength } = await account.client.send(new GetObjectCommand({ Bucket, Key: 'big' }))
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(whole)).toBe(true)
    expect(ContentLength).toBe(whole.length)
    const second = await account.client.send(new HeadObjectCommand({ Bucket, Key: 'big', PartNumber: 2 }))
    expect(second).toMatchObject({
      PartsCount: 3,
      ContentLength: PART_BYTES,
      ContentRange: `bytes ${PART_BYTES}-${2 * PART_BYTES - 1}/${whole.length}`,
    })
    const across = await account.client.send(
      new GetObjectCommand({ Bucket, Key: 'big', Range: `bytes=${PART_BYTES - 2}-${PART_BYTES + 1}` }),
    )
    expect(await across.Body?.transformToString()).toBe('aabb')
    const attributes = new GetObjectAttributesCommand({
      Bucket,
      Key: 'big',
      ObjectAttributes: ['ObjectParts', 'ObjectSize'],
    })
    expect(await account.client.send(attributes)).toMatchObject({
      ObjectSize: whole.length,
      ObjectParts: { TotalPartsCount: 3 },
    })
  })

  it('has a checksum of its parts’ checksums, which must be said again', async () => {
    const id = await begin('composite', { ChecksumAlgorithm: 'SHA256' })
    const uploaded = await upload('composite', id, [Buffer.from('x')], 'SHA256')
    const bare = uploaded.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
    expect(await refusal(complete('composite', id, bare))).toEqual(['InvalidRequest', 400])
    const { ChecksumSHA256, ChecksumType } = await complete('composite', id, uploaded)
    const inner = createHash('sha256').update('x').digest()
    expect(ChecksumSHA256).toBe(`${createHash('sha256').update(inner).digest('base64')}-1`)
    expect(ChecksumType).toBe('COMPOSITE')
  })

  it('is refused parts that are missing, out of order, too small, or of another checksum', async () => {
    const id = await begin('bad', { ChecksumAlgorithm: 'CRC32' })
    const uploaded = await upload('bad', id, [Buffer.from('small'), Buffer.from('last')])
    const [first, last] = uploaded as [CompletedPart, CompletedPart]
    expect(await refusal(complete('bad', id, [last, first]))).toEqual(['InvalidPartOrder', 400])
    expect(await refusal(complete('bad', id, [{ ...first, ETag: '"0"' }]))).toEqual(['InvalidPart', 400])
    expect(await refusal(complete('bad', id, uploaded))).toEqual(['EntityTooSmall', 400])
    expect(await refusal(complete('bad', id, []))).toEqual(['MalformedXML', 400])
    expect(await refusal(upload('bad', id, [Buffer.from('x')], 'SHA256'))).toEqual(['InvalidRequest', 400])
    const tenThousandAndOne = { Bucket, Key: 'bad', UploadId: id, PartNumber: 10_001, Body: 'x' }
    expect(await refusal(account.client.send(new UploadPartCommand(tenThousandAndOne)))).toEqual([
      'InvalidArgument',
      400,
    ])
    await complete('bad', id, [last])
    expect(await refusal(complete('bad', id, [last]))).toEqual(['NoSuchUpload', 404])
  })

  it('obeys conditions when it is completed, and leaves nothing when it is aborted', async () => {
    await account.put('taken', 'x')
    const id = await begin('taken')
    const uploaded = await upload('taken', id, [Buffer.from('new')])
    expect(await refusal(complete('taken', id, uploaded, { IfNoneMatch: '*' }))).toEqual(['PreconditionFailed', 412])
    expect(await refusal(account.client.send(new DeleteBucketCommand({ Bucket })))).toEqual(['BucketNotEmpty', 409])
    await account.client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'taken', UploadId: id }))
    const files = readdirSync(join(account.directory, Bucket)).filter((file) => file.startsWith('taken'))
    expect(files).toHaveLength(1)
    expect((await account.get('taken')).text).toBe('x')
  })

  it('copies parts of other objects', async () => {
    await account.put('source', '0123456789')
    const id = await begin('copied')
    const part = { Bucket, Key: 'copied', UploadId: id, PartNumber: 1, CopySource: `${Bucket}/source` }
    const beyond = new UploadPartCopyCommand({ ...part, CopySourceRange: 'bytes=2-10' })
    expect(await refusal(account.client.send(beyond))).toEqual(['InvalidArgument', 400])
    const copy = new UploadPartCopyCommand({ ...part, CopySourceRange: 'bytes=2-5' })
    const { CopyPartResult } = await account.client.send(copy)
    await complete('copied', id, [{ PartNumber: 1, ETag: CopyPartResult?.ETag }])
    expect((await account.get('copied')).text).toBe('2345')
  })
})

const copy = (Key: string, more: object = {}) =>
  account.client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `/${Bucket}/from%20here`, ...more }))

describe('CopyObject', () => {
  it('takes bytes, headers and tags along unless told otherwise', async () => {
    await account.put('from here', 'hello', { Metadata: { a: '1' }, Tagging: 't=1' })
    const { CopyObjectResult } = await copy('to')
    expect(CopyObjectResult?.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"')
    expect(await account.get('to')).toMatchObject({ text: 'hello', Metadata: { a: '1' }, TagCount: 1 })
    await copy('to', { MetadataDirective: 'REPLACE', Metadata: { b: '2' }, TaggingDirective: 'REPLACE' })
    const replaced = await account.get('to')
    expect(replaced.Metadata).toEqual({ b: '2' })
    expect(replaced.TagCount).toBeUndefined()
  })

  it('obeys conditions on source and target, and refuses to copy an object onto itself unchanged', async () => {
    const { ETag } = await account.put('from here', 'hello')
    expect(await refusal(copy('to', { CopySourceIfMatch: '"other"' }))).toEqual(['PreconditionFailed', 412])
    expect(await refusal(copy('to', { CopySourceIfNoneMatch: ETag }))).toEqual(['PreconditionFailed', 412])
    expect(await refusal(copy('from here', { IfNoneMatch: '*', MetadataDirective: 'REPLACE' }))).toEqual([
      'PreconditionFailed',
      412,
    ])
    expect(await refusal(copy('from here'))).toEqual(['InvalidRequest', 400])
    expect(await refusal(copy('to', { CopySource: `${Bucket}/none` }))).toEqual(['NoSuchKey', 404])
  })
})

describe('reading', () => {
  it('obeys conditions of time and entity tag', async () => {
    const { ETag } = await account.put('k', 'x')
    const get = (more: object) => refusal(account.client.send(new GetObjectCommand({ Bucket, Key: 'k', ...more })))
    const { LastModified = new Date(0) } = await account.get('k')
    const earlier = new Date(LastModified.getTime() - 1000)
    expect((await get({ IfNoneMatch: ETag }))[1]).toBe(304)
    expect((await get({ IfModifiedSince: LastModified }))[1]).toBe(304)
    expect(await get({ IfUnmodifiedSince: earlier })).toEqual(['PreconditionFailed', 412])
    expect(await get({ IfMatch: '"other"' })).toEqual(['PreconditionFailed', 412])
    const both = new GetObjectCommand({ Bucket, Key: 'k', IfMatch: ETag, IfUnmodifiedSince: earlier })
    expect(await (await account.client.send(both)).Body?.transformToString()).toBe('x')
  })

  it('goes on with the old bytes while they are replaced', async () => {
    await account.put('slow', whole)
    const { Body } = await account.client.send(new GetObjectCommand({ Bucket, Key: 'slow' }))
    await account.put('slow', 'new')
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(whole)).toBe(true)
    expect((await account.get('slow')).text).toBe('new')
  })
})

it('keeps nothing of an object whose sender breaks off', async () => {
  const incoming = () => readdirSync(join(account.directory, Bucket, '%incoming'))
  const Body = new Readable({ read() {} })
  Body.push(Buffer.alloc(100_000))
  const sender = new AbortController()
  const command = new PutObjectCommand({ Bucket, Key: 'half', Body, ContentLength: 200_000 })
  const sent = account.client.send(command, { abortSignal: sender.signal })
  await expect.poll(incoming).toHaveLength(1)
  sender.abort()
  await expect(sent).rejects.toThrow()
  await expect.poll(incoming).toEqual([])
  expect(await refusal(account.get('half'))).toEqual(['NoSuchKey', 404])
})
