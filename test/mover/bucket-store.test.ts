import { PutObjectLegalHoldCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BucketStoreOptions } from '../../aws/vault-bucket.ts'
import type { ObjectStore } from '../../core/vault-store.ts'
import { RetryingStore } from '../../mover/stores/retrying-store.ts'
import { draftConformance, storeConformance } from './store-conformance.ts'
import { startVaultAccount, type VaultAccount } from './vault-account.ts'

const DAY_MS = 86_400_000

let account: VaultAccount
let plain: string
let versioned: string
let locked: string
let prefixes = 0
beforeAll(async () => {
  account = await startVaultAccount()
  plain = await account.bucket()
  versioned = await account.bucket({ versioned: true })
  locked = await account.bucket({ lockedDays: 30 })
})
afterAll(() => account.close())

const emptyIn = (bucket: string): Promise<ObjectStore> => account.store(bucket, `vault-${(prefixes += 1)}/`)

storeConformance('a bucket', () => emptyIn(plain))
storeConformance('a bucket without a prefix of its own', async () => account.store(await account.bucket(), ''))
storeConformance('a bucket that keeps versions', () => emptyIn(versioned))
draftConformance('a bucket', async () => new RetryingStore(await emptyIn(plain)))

const at = (now: string): BucketStoreOptions => ({ clock: { now: () => now } })

const bytes = Buffer.from('content')

async function versionsBelow(bucket: string, prefix: string): Promise<number> {
  const { Versions } = await account.s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }))
  return Versions?.length ?? 0
}

describe('a vault in a bucket', () => {
  it('that keeps versions still holds what was removed, and takes the name again', async () => {
    const store = await account.store(versioned, 'kept/')
    await store.put('packs/a', bytes)
    expect(await store.remove('packs/a')).toBe('removed')
    expect(await versionsBelow(versioned, 'kept/packs/a')).toBe(1)
    expect(await store.put('packs/a', bytes)).toBe('written')
  })

  it('with Object Lock keeps what is retained, in sight, until the retention has ended', async () => {
    const store = await account.store(locked, 'retained/')
    await store.put('packs/a', bytes)
    expect(await store.remove('packs/a')).toBe('locked')
    expect(await store.get('packs/a')).toEqual(bytes)
    const later = Date.parse('2026-11-23T10:00:00Z') + 31 * DAY_MS
    const then = await account.store(locked, 'retained/', at(new Date(later).toISOString()))
    expect(await then.remove('packs/a')).toBe('removed')
    expect(await store.get('packs/a')).toBeUndefined()
  })

  it('with Object Lock keeps what is under legal hold, however old it is', async () => {
    const store = await account.store(locked, 'held/')
    await store.put('packs/a', bytes)
    const LegalHold = { Status: 'ON' } as const
    await account.s3.send(new PutObjectLegalHoldCommand({ Bucket: locked, Key: 'held/packs/a', LegalHold }))
    const then = await account.store(locked, 'held/', at('2099-01-01T00:00:00Z'))
    expect(await then.remove('packs/a')).toBe('locked')
  })

  it('with Object Lock removes nothing for who may not see locks, instead of hiding it', async () => {
    const store = await account.store(locked, 'unseen/')
    await store.put('packs/a', bytes)
    await account.actAs({ Action: ['s3:GetObject', 's3:ListBucket', 's3:DeleteObject'], Resource: '*' })
    const blind = await account.store(locked, 'unseen/')
    await expect(blind.remove('packs/a')).rejects.toMatchObject({ name: 'AccessDenied' })
    await account.actAs()
    expect(await store.get('packs/a')).toEqual(bytes)
  })

  it('is listed whole and in order, however many pages that takes', async () => {
    const store = await account.store(plain, 'pages/', { pageKeys: 2 })
    const names = ['maps/0', 'maps/1', 'maps/2', 'maps/3', 'maps/4']
    await Promise.all(names.map((name) => store.put(name, bytes)))
    const listed: string[] = []
    for await (const { name } of store.list('maps/')) listed.push(name)
    expect(listed).toEqual(names)
  })
})
