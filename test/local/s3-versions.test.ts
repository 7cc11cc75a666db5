import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3'
import type { ListObjectVersionsCommandOutput, ObjectLockRetentionMode } from '@aws-sdk/client-s3'
import { deserialize, serialize } from 'node:v8'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createS3 } from '../../local/s3/s3.ts'
import { ACCOUNT_ID, Bucket, REGION, refusal, START_MS, startS3 } from './s3-account.ts'
import type { S3Account } from './s3-account.ts'
import { sendSigned } from './signing.ts'
import { ADMINISTRATOR_KEYS } from './wire-account.ts'

const DAY_MS = 86_400_000

let account: S3Account
beforeEach(async () => {
  account = await startS3()
})
afterEach(() => account.close())

const versioning = (Status: 'Enabled' | 'Suspended', bucket = Bucket) =>
  account.client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }))
const read = async (Key: string, VersionId?: string) => {
  const { Body } = await account.client.send(new GetObjectCommand({ Bucket, Key, VersionId }))
  return Body?.transformToString()
}
const remove = (Key: string, more: object = {}) =>
  account.client.send(new DeleteObjectCommand({ Bucket, Key, ...more }))

describe('versions', () => {
  it('are all kept, hidden by a delete marker, and gone only when named', async () => {
    await account.put('k', 'old')
    await versioning('Enabled')
    const { VersionId: first = '' } = await account.put('k', 'first')
    const { VersionId: second = '' } = await account.put('k', 'second')
    expect([await read('k'), await read('k', first), await read('k', 'null')]).toEqual(['second', 'first', 'old'])

    const marker = await remove('k')
    expect(marker).toMatchObject({ DeleteMarker: true, VersionId: expect.stringMatching(/^.{32}$/) })
    expect(await refusal(read('k'))).toEqual(['NoSuchKey', 404])
    expect(await refusal(read('k', marker.VersionId))).toEqual(['MethodNotAllowed', 405])
    expect((await account.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)

    expect(await remove('k', { VersionId: marker.VersionId })).toMatchObject({ DeleteMarker: true })
    expect(await read('k')).toBe('second')
    await remove('k', { VersionId: second })
    expect(await read('k')).toBe('first')
    expect(await refusal(read('k', second))).toEqual(['NoSuchVersion', 404])
    expect(await refusal(read('k', 'nonsense'))).toEqual(['InvalidArgument', 400])
  })

  it('called null take each other’s place while versioning is suspended', async () => {
    await versioning('Enabled')
    const { VersionId: kept } = await account.put('k', 'kept')
    await versioning('Suspended')
    await account.put('k', 'a')
    expect(await account.put('k', 'b')).toMatchObject({ VersionId: 'null' })
    await remove('k')
    const { Versions, DeleteMarkers } = await account.client.send(new ListObjectVersionsCommand({ Bucket }))
    expect(Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([[kept, false]])
    expect(DeleteMarkers).toMatchObject([{ VersionId: 'null', IsLatest: true }])
  })

  it('are listed newest first, page by page', async () => {
    await versioning('Enabled')
    for (const [key, text] of ['a1', 'a2', 'a3', 'b1', 'b2']) await account.put(key ?? '', text ?? '')
    const pages: string[][] = []
    let from: object | undefined = {}
    while (from) {
      const page: ListObjectVersionsCommandOutput = await account.client.send(
        new ListObjectVersionsCommand({ Bucket, MaxKeys: 2, ...from }),
      )
      pages.push((page.Versions ?? []).map(({ Key, IsLatest }) => `${Key}${IsLatest ? '*' : ''}`))
      from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined
    }
    expect(pages).toEqual([['a*', 'a'], ['a', 'b*'], ['b']])
  })

  it('keep a bucket from being deleted until the last of them is gone', async () => {
    await versioning('Enabled')
    await account.put('k', 'x')
    await remove('k')
    const drop = () => account.client.send(new DeleteBucketCommand({ Bucket }))
    expect(await refusal(drop())).toEqual(['BucketNotEmpty', 409])
    const all = await account.client.send(new ListObjectVersionsCommand({ Bucket }))
    const objects = [...(all.Versions ?? []), ...(all.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
      Key,
      VersionId,
    }))
    const { Deleted } = await account.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: objects } }))
    expect(Deleted).toHaveLength(2)
    await drop()
    expect(await refusal(account.put('k', 'x'))).toEqual(['NoSuchBucket', 404])
  })
})

const lock = (mode: ObjectLockRetentionMode, days: number, key = 'k') =>
  new PutObjectCommand({
    Bucket: 'locked',
    Key: key,
    Body: 'x',
    ObjectLockMode: mode,
    ObjectLockRetainUntilDate: new Date(START_MS + days * DAY_MS),
  })
const retain = (mode: ObjectLockRetentionMode, days: number, more: object = {}) =>
  account.client.send(
    new PutObjectRetentionCommand({
      Bucket: 'locked',
      Key: 'k',
      Retention: { Mode: mode, RetainUntilDate: new Date(START_MS + days * DAY_MS) },
      ...more,
    }),
  )
const erase = (VersionId: string | undefined, more: object = {}) =>
  account.client.send(new DeleteObjectCommand({ Bucket: 'locked', Key: 'k', VersionId, ...more }))

describe('Object Lock', () => {
  beforeEach(() => account.create('locked', { lock: true }))

  it('keeps a version under COMPLIANCE from everybody until its time has come', async () => {
    const { VersionId } = await account.client.send(lock('COMPLIANCE', 10))
    expect(await refusal(erase(VersionId))).toEqual(['AccessDenied', 403])
    expect(await refusal(erase(VersionId, { BypassGovernanceRetention: true }))).toEqual(['AccessDenied', 403])
    expect(await refusal(retain('COMPLIANCE', 5, { BypassGovernanceRetention: true }))).toEqual(['AccessDenied', 403])
    await retain('COMPLIANCE', 20)
    // A delete marker may hide it at any time.
    expect(await erase(undefined)).toMatchObject({ DeleteMarker: true })
    await account.clock.advance(20 * DAY_MS + 1000)
    await erase(VersionId)
  })

  it('lets a holder of the right bypass GOVERNANCE', async () => {
    const { VersionId } = await account.client.send(lock('GOVERNANCE', 10))
    expect(await refusal(erase(VersionId))).toEqual(['AccessDenied', 403])
    expect(await refusal(retain('GOVERNANCE', 5))).toEqual(['AccessDenied', 403])
    await retain('GOVERNANCE', 5, { BypassGovernanceRetention: true })
    await erase(VersionId, { BypassGovernanceRetention: true })
  })

  it('keeps a version under legal hold for as long as it is on', async () => {
    const { VersionId } = await account.client.send(
      new PutObjectCommand({ Bucket: 'locked', Key: 'k', Body: 'x', ObjectLockLegalHoldStatus: 'ON' }),
    )
    expect(await refusal(erase(VersionId, { BypassGovernanceRetention: true }))).toEqual(['AccessDenied', 403])
    const hold = { Bucket: 'locked', Key: 'k', VersionId, LegalHold: { Status: 'OFF' as const } }
    await account.client.send(new PutObjectLegalHoldCommand(hold))
    await erase(VersionId)
  })

  it('gives new objects the retention of the bucket, and cannot be suspended with the versions', async () => {
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 3 } }
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' as const, Rule }
    const configuration = { Bucket: 'locked', ObjectLockConfiguration }
    await account.client.send(new PutObjectLockConfigurationCommand(configuration))
    expect(await account.client.send(new GetObjectLockConfigurationCommand({ Bucket: 'locked' }))).toMatchObject({
      ObjectLockConfiguration,
    })
    await account.client.send(new PutObjectCommand({ Bucket: 'locked', Key: 'k', Body: 'x' }))
    expect(await account.client.send(new HeadObjectCommand({ Bucket: 'locked', Key: 'k' }))).toMatchObject({
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: new Date(Math.floor(START_MS / 1000) * 1000 + 3 * DAY_MS),
    })
    expect(await refusal(versioning('Suspended', 'locked'))).toEqual(['InvalidBucketState', 409])
    expect(await refusal(account.client.send(lock('COMPLIANCE', -1)))).toEqual(['InvalidArgument', 400])
    const unversioned = new PutObjectLockConfigurationCommand({ ...configuration, Bucket })
    expect(await refusal(account.client.send(unversioned))).toEqual(['InvalidBucketState', 409])
  })
})

const policy = (statement: object): string => JSON.stringify({ Version: '2012-10-17', Statement: [statement] })

describe('buckets', () => {
  it('belong to one account and one Region of all', async () => {
    await account.create('abroad', { region: 'us-west-2' })
    const other = account.clientOf('444455556666')
    const create = new CreateBucketCommand({
      Bucket: 'abroad',
      CreateBucketConfiguration: { LocationConstraint: REGION },
    })
    expect(await refusal(other.send(create))).toEqual(['BucketAlreadyExists', 409])
    expect(await refusal(other.send(new ListObjectsV2Command({ Bucket })))).toEqual(['AccessDenied', 403])
    const { Buckets, Owner } = await account.client.send(new ListBucketsCommand({}))
    expect(Buckets?.map(({ Name, BucketRegion }) => [Name, BucketRegion])).toEqual([
      ['abroad', 'us-west-2'],
      [Bucket, REGION],
    ])
    expect(Owner).toEqual({ ID: ACCOUNT_ID })
    const location = new GetBucketLocationCommand({ Bucket: 'abroad' })
    expect((await account.client.send(location)).LocationConstraint).toBe('us-west-2')
    // The `aws` command finds the Region only where it is the document itself, as S3 sends it.
    const scope = { keys: ADMINISTRATOR_KEYS, service: 's3', region: 'us-west-2' }
    const raw = await sendSigned(account.endpoint, scope, { method: 'GET', path: '/abroad', query: { location: '' } })
    expect(await raw.text()).toMatch(/<LocationConstraint xmlns="[^"]+">us-west-2<\/LocationConstraint>$/)
    expect(await refusal(account.client.send(new ListObjectsV2Command({ Bucket: 'abroad' })))).toEqual([
      'PermanentRedirect',
      301,
    ])
  })

  it('encrypt new objects as they are told, whose entity tag is then no MD5', async () => {
    const keyId = 'arn:aws:kms:eu-west-1:111122223333:key/0123'
    const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: keyId } }]
    await account.client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }))
    const { ServerSideEncryption, SSEKMSKeyId, ETag } = await account.put('k', 'hello')
    expect({ ServerSideEncryption, SSEKMSKeyId }).toEqual({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyId })
    expect(ETag).not.toBe('"5d41402abc4b2a76b9719d911017c592"')
    expect(await account.put('k', 'hello', { ServerSideEncryption: 'AES256' })).toMatchObject({
      ServerSideEncryption: 'AES256',
      ETag: '"5d41402abc4b2a76b9719d911017c592"',
    })
  })

  it('take a policy that is well formed, about themselves, and not for everybody', async () => {
    const set = (Policy: string) => account.client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    const rule = {
      Effect: 'Allow',
      Principal: { AWS: '444455556666' },
      Action: 's3:ListBucket',
      Resource: `arn:aws:s3:::${Bucket}`,
    }
    expect(await refusal(account.client.send(new GetBucketPolicyCommand({ Bucket })))).toEqual([
      'NoSuchBucketPolicy',
      404,
    ])
    await set(policy(rule))
    expect(await account.client.send(new GetBucketPolicyCommand({ Bucket }))).toMatchObject({ Policy: policy(rule) })
    expect(await refusal(set('{'))).toEqual(['MalformedPolicy', 400])
    expect(await refusal(set(policy({ ...rule, Resource: 'arn:aws:s3:::other' })))).toEqual(['MalformedPolicy', 400])
    expect(await refusal(set(policy({ ...rule, Principal: '*' })))).toEqual(['AccessDenied', 403])
  })
})

it('keeps tags with an object, and refuses those that S3 would', async () => {
  await account.put('k', 'x', { Tagging: 'team=web&stage=prod' })
  const { TagSet } = await account.client.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))
  expect(TagSet).toEqual([
    { Key: 'team', Value: 'web' },
    { Key: 'stage', Value: 'prod' },
  ])
  expect((await account.get('k')).TagCount).toBe(2)
  expect(await refusal(account.put('k', 'x', { Tagging: 'aws:x=1' }))).toEqual(['InvalidTag', 400])
  const many = Array.from({ length: 11 }, (_, index) => `k${index}=v`).join('&')
  expect(await refusal(account.put('k', 'x', { Tagging: many }))).toEqual(['BadRequest', 400])
})

it('comes back from a saved state with its objects, without what was written after the saving', async () => {
  await versioning('Enabled')
  const { VersionId } = await account.put('a/k', 'saved')
  account.s3.durable.save()
  const saved = serialize(account.s3.durable.save())
  await remove('a/k', { VersionId })
  await account.put('later', 'lost')
  const directory = mkdtempSync(join(tmpdir(), 's3-'))
  cpSync(account.directory, directory, { recursive: true })

  const again = createS3({ clock: account.clock, directory })
  again.durable.restore(deserialize(saved))
  expect(Buffer.from(again.objects.read(Bucket, 'a/k') ?? []).toString()).toBe('saved')
  expect(again.objects.list(Bucket, '')).toEqual(['a/k'])
  rmSync(directory, { recursive: true })
})
