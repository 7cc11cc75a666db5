import {
  DeleteObjectCommand,
  GetBucketNotificationConfigurationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import type { ChecksumAlgorithm } from '@aws-sdk/client-s3'
import { readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { S3 } from '../../local/s3/s3.ts'
import type { S3Client } from '@aws-sdk/client-s3'
import { Bucket, MEBIBYTE_BYTES, REGION, refusal, START_MS, startS3 } from './s3-account.ts'
import type { S3Account } from './s3-account.ts'

let account: S3Account
let s3: S3
let client: S3Client

beforeEach(async () => {
  account = await startS3()
  ;({ s3, client } = account)
})

afterEach(() => account.close())

const put: S3Account['put'] = (...given) => account.put(...given)
const get: S3Account['get'] = (...given) => account.get(...given)
const list = (more: object) => client.send(new ListObjectsV2Command({ Bucket, ...more }))

describe('objects', () => {
  it('come back with their bytes, headers, metadata and time', async () => {
    const { ETag, ChecksumCRC32 } = await put('a/ö +&?#.txt', 'hello', {
      ContentType: 'text/plain',
      Metadata: { point: 'p-1' },
    })
    expect({ ETag, ChecksumCRC32 }).toEqual({ ETag: '"5d41402abc4b2a76b9719d911017c592"', ChecksumCRC32: 'NhCmhg==' })
    expect(await get('a/ö +&?#.txt')).toMatchObject({
      text: 'hello',
      ETag,
      ContentLength: 5,
      ContentType: 'text/plain',
      Metadata: { point: 'p-1' },
      ServerSideEncryption: 'AES256',
      LastModified: new Date('2026-03-01T00:00:00Z'),
    })
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a/ö +&?#.txt', ChecksumMode: 'ENABLED' }))
    expect(head).toMatchObject({ ContentLength: 5, ChecksumCRC32, ETag })
  })

  it('may be empty, and may be overwritten', async () => {
    await put('k', '')
    expect(await get('k')).toMatchObject({ text: '', ContentLength: 0 })
    await put('k', 'new')
    expect((await get('k')).text).toBe('new')
  })

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] satisfies ChecksumAlgorithm[])(
    'keep the %s that the client computed of the body and of a stream',
    async (ChecksumAlgorithm) => {
      const body = Buffer.from('123456789')
      const whole = await put('whole', body, { ChecksumAlgorithm })
      // A stream's checksum comes after its bytes, in a trailer of aws-chunked framing.
      const streamed = await put('streamed', Readable.from([body]), {
        ChecksumAlgorithm,
        ContentLength: body.length,
      })
      const member = `Checksum${ChecksumAlgorithm}` as const
      expect(whole[member]).toBeDefined()
      expect(streamed[member]).toBe(whole[member])
      // The client verifies the checksum of what it reads.
      expect(await get('streamed')).toMatchObject({ text: '123456789', [member]: whole[member] })
    },
  )

  it('are refused when a checksum does not match, and leave the old one in place', async () => {
    await put('k', 'old')
    expect(await refusal(put('k', 'new', { ChecksumCRC32: 'AAAAAA==' }))).toEqual(['BadDigest', 400])
    expect(await refusal(put('k', 'new', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }))).toEqual(['BadDigest', 400])
    expect((await get('k')).text).toBe('old')
  })

  it('are written once with If-None-Match, and replaced with If-Match', async () => {
    const { ETag } = await put('k', 'first', { IfNoneMatch: '*' })
    expect(await refusal(put('k', 'second', { IfNoneMatch: '*' }))).toEqual(['PreconditionFailed', 412])
    expect(await refusal(put('k', 'second', { IfMatch: '"other"' }))).toEqual(['PreconditionFailed', 412])
    expect(await refusal(put('none', 'x', { IfMatch: ETag }))).toEqual(['NoSuchKey', 404])
    await put('k', 'second', { IfMatch: ETag })
    expect((await get('k')).text).toBe('second')
  })

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ])('answer the range %s', async (range, text, ContentRange) => {
    await put('k', '0123456789')
    const part = await get('k', range)
    expect(part).toMatchObject({ text, ContentRange, ContentLength: text.length })
    expect(part.$metadata.httpStatusCode).toBe(206)
  })

  it('refuse a range beyond their end', async () => {
    await put('k', '0123456789')
    expect(await refusal(get('k', 'bytes=10-'))).toEqual(['InvalidRange', 416])
  })

  it('are gone when deleted, and deleting again succeeds', async () => {
    await put('a', 'x')
    await put('a/b', 'y')
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }))
    const again = await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }))
    expect(again.$metadata.httpStatusCode).toBe(204)
    await expect(get('a')).rejects.toBeInstanceOf(NoSuchKey)
    expect(await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'a' })))).toEqual(['NotFound', 404])
    expect((await get('a/b')).text).toBe('y')
  })

  it('may hold 64 MiB', async () => {
    const body = Buffer.alloc(64 * MEBIBYTE_BYTES, 7)
    await put('big', body)
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'big' }))
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true)
  })

  it('stay below the directory, whatever their keys', async () => {
    const keys = ['../../escape', '..', '.', '/', '//', 'a', 'a/', 'a//b', 'a%2Fb', 'a/b', 'x'.repeat(1024), '%']
    for (const key of keys) s3.objects.write(Bucket, key, Buffer.from(key))
    for (const key of keys) expect(Buffer.from(s3.objects.read(Bucket, key) ?? []).toString()).toBe(key)
    expect(readdirSync(account.directory)).toEqual([Bucket])
    expect(s3.objects.list(Bucket, 'a/')).toEqual(['a/', 'a//b', 'a/b'])
    expect(await refusal(put('x'.repeat(1025), ''))).toEqual(['KeyTooLongError', 400])
  })

  it('are refused parameters that would be left out of account', async () => {
    expect(await refusal(put('k', 'x', { GrantRead: 'id=x' }))).toEqual(['NotImplemented', 501])
    expect(await refusal(put('k', 'x', { StorageClass: 'GLACIER' }))).toEqual(['NotImplemented', 501])
    expect(await refusal(put('k', 'x', { ACL: 'public-read' }))).toEqual(['AccessControlListNotSupported', 400])
    const ObjectLockRetainUntilDate = new Date(START_MS)
    const locked = put('k', 'x', { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate })
    expect(await refusal(locked)).toEqual(['InvalidRequest', 400])
    expect(await refusal(put('k', 'x', { ExpectedBucketOwner: '999999999999' }))).toEqual(['AccessDenied', 403])
    const payer = new GetObjectCommand({ Bucket, Key: 'k', RequestPayer: 'requester' })
    expect(await refusal(client.send(payer))).toEqual(['NotImplemented', 501])
    expect(s3.objects.list(Bucket, '')).toEqual([])
  })
})

describe('listings', () => {
  beforeEach(() => {
    for (const key of ['b/1', 'b/2', 'a', 'c/d/3', 'c/4', '\u{1F600}', '\uFB01 +']) {
      s3.objects.write(Bucket, key, Buffer.from('x'))
    }
  })

  it('are in the order of UTF-8, of one prefix', async () => {
    const keys = (await list({})).Contents?.map(({ Key }) => Key)
    expect(keys).toEqual(['a', 'b/1', 'b/2', 'c/4', 'c/d/3', '\uFB01 +', '\u{1F600}'])
    const some = await list({ Prefix: 'c/' })
    expect(some).toMatchObject({
      KeyCount: 2,
      IsTruncated: false,
      Contents: [{ Key: 'c/4', Size: 1 }, { Key: 'c/d/3' }],
    })
  })

  it('fold keys at a delimiter', async () => {
    const folded = await list({ Delimiter: '/' })
    expect(folded.Contents?.map(({ Key }) => Key)).toEqual(['a', '\uFB01 +', '\u{1F600}'])
    expect(folded.CommonPrefixes).toEqual([{ Prefix: 'b/' }, { Prefix: 'c/' }])
    expect((await list({ Delimiter: '/', Prefix: 'c/' })).CommonPrefixes).toEqual([{ Prefix: 'c/d/' }])
  })

  it.each([1, 2, 3])('come in pages of %i that hold everything once', async (pageSize) => {
    const keys: (string | undefined)[] = []
    const prefixes: (string | undefined)[] = []
    for await (const page of paginateListObjectsV2({ client, pageSize }, { Bucket, Delimiter: '/' })) {
      expect(page.KeyCount).toBeLessThanOrEqual(pageSize)
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key))
      prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix))
    }
    expect(keys).toEqual(['a', '\uFB01 +', '\u{1F600}'])
    expect(prefixes).toEqual(['b/', 'c/'])
  })

  it('start after a key, give at most 1,000 keys, and refuse a wrong token', async () => {
    expect((await list({ StartAfter: 'c/4' })).Contents?.[0]?.Key).toBe('c/d/3')
    for (let index = 0; index < 1000; index += 1) s3.objects.write(Bucket, `n/${index}`, Buffer.from(''))
    expect(await list({ Prefix: 'n/' })).toMatchObject({ KeyCount: 1000, IsTruncated: false })
    expect(await list({ MaxKeys: 5000 })).toMatchObject({ KeyCount: 1000, IsTruncated: true })
    expect(await refusal(list({ ContinuationToken: 'nonsense' }))).toEqual(['InvalidArgument', 400])
  })
})

describe('buckets', () => {
  it('are created once, in the region of the endpoint', async () => {
    await account.create('new-bucket')
    const head = await client.send(new HeadBucketCommand({ Bucket: 'new-bucket' }))
    expect(head.BucketRegion).toBe(REGION)
    expect(await refusal(account.create('new-bucket'))).toEqual(['BucketAlreadyOwnedByYou', 409])
    expect(await refusal(account.create('Wrong_Name'))).toEqual(['InvalidBucketName', 400])
  })

  it('are missed as S3 says it', async () => {
    expect(await refusal(client.send(new HeadBucketCommand({ Bucket: 'none' })))).toEqual(['NotFound', 404])
    expect(await refusal(client.send(new ListObjectsV2Command({ Bucket: 'none' })))).toEqual(['NoSuchBucket', 404])
    const get = new GetObjectCommand({ Bucket: 'none', Key: 'k' })
    expect(await refusal(client.send(get))).toEqual(['NoSuchBucket', 404])
  })

  it('refuse unknown keys and what is not implemented', async () => {
    const stranger = account.clientOf('AKIASTRANGER')
    const get = new GetObjectCommand({ Bucket, Key: 'k' })
    expect(await refusal(stranger.send(get))).toEqual(['InvalidAccessKeyId', 403])
    const notifications = new GetBucketNotificationConfigurationCommand({ Bucket })
    expect(await refusal(client.send(notifications))).toEqual(['NotImplemented', 501])
  })
})
