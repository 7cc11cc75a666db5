import { DeleteBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startVaultAccount, type VaultAccount } from './vault-account.ts'
import { tandem } from './vault-command.ts'
import { image } from './vault-folder.ts'

/** `tandem vault` on buckets and KMS keys, by roles that may do no more than docs/cli.md says. */
let account: VaultAccount
let folder: string
let bucket: string
let key: string
const content = image('AB#..A#', 4321)
beforeAll(async () => {
  account = await startVaultAccount()
  folder = mkdtempSync(join(tmpdir(), 'vault-in-bucket-'))
  writeFileSync(join(folder, 'disk'), content)
  bucket = await account.bucket({ lockedDays: 30 })
  key = await account.key('alias/vault')
})
afterEach(() => account.actAs())
afterAll(async () => {
  await account.close()
  rmSync(folder, { recursive: true })
})

const vault = (words: string) => tandem(`vault ${words}`)
const disk = (): string => join(folder, 'disk')
const copyTo = (place: string) => vault(`copy ${disk()} --to ${place} --name vol-1 --threads 1`)

const at = (prefix: string): string => `s3://${bucket}/${prefix}`
const below = (prefix: string): string => `arn:aws:s3:::${bucket}/${prefix}/*`
const listing = (prefix: string) => ({
  Action: 's3:ListBucket',
  Resource: `arn:aws:s3:::${bucket}`,
  Condition: { StringLike: { 's3:prefix': `${prefix}/*` } },
})
/** What docs/cli.md says that a role needs. */
const writerOf = (prefix: string) => [
  { Action: ['s3:GetObject', 's3:PutObject'], Resource: below(prefix) },
  listing(prefix),
  { Action: 'kms:Decrypt', Resource: key, Condition: { Null: { 'kms:EncryptionContext:tandem:vault': 'false' } } },
]
const readerOf = (prefix: string) => [
  { Action: 's3:GetObject', Resource: below(prefix) },
  listing(prefix),
  { Action: 'kms:Decrypt', Resource: key },
]

describe('a vault in a bucket, with a KMS key', () => {
  it('is made, copied to, listed, verified and restored from, each by a role with no more rights than that takes', async () => {
    const place = `s3://${bucket}/team/a`
    await account.actAs(...writerOf('team/a'), { Action: 'kms:GenerateDataKey', Resource: key })
    expect(await vault(`init ${place} --kms-key ${key}`)).toMatchObject({ exitCode: 0, err: '' })
    await account.actAs(...writerOf('team/a'))
    expect(await copyTo(place)).toMatchObject({ exitCode: 0, err: '' })
    expect(await copyTo(place)).toMatchObject({ exitCode: 0, out: expect.stringContaining('new 0 B') })
    await account.actAs(...readerOf('team/a'))
    expect(await vault(`list ${place}`)).toMatchObject({ exitCode: 0, out: expect.stringContaining('vol-1') })
    expect(await vault(`verify ${place} --read-data`)).toMatchObject({
      exitCode: 0,
      out: '2 copies, nothing missing, every block read and right',
    })
    expect(await vault(`restore ${folder}/restored --from ${place} --name vol-1`)).toMatchObject({ exitCode: 0 })
    expect(readFileSync(join(folder, 'restored')).equals(content)).toBe(true)
  })

  it('cannot be emptied by who writes to it, nor written by who reads it', async () => {
    const place = `s3://${bucket}/team/b`
    await vault(`init ${place} --kms-key alias/vault`)
    await account.actAs(...writerOf('team/b'))
    const writer = await account.store(bucket, 'team/b/')
    await writer.put('packs/a', Buffer.from('content'))
    await expect(writer.remove('packs/a')).rejects.toMatchObject({ name: 'AccessDenied' })
    await account.actAs(...readerOf('team/b'))
    expect(await copyTo(place)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^AccessDenied: PutObject of s3:\/\/.*\/team\/b\/packs\/.*Check the permissions/),
    })
  })

  it('is expired by a role that may do no more than that takes, and says what Object Lock holds', async () => {
    const place = at('team/c')
    await vault(`init ${place} --kms-key ${key}`)
    await copyTo(place)
    const may = ['s3:DeleteObject', 's3:GetObjectRetention', 's3:GetObjectLegalHold']
    await account.actAs(...writerOf('team/c'), { Action: may, Resource: below('team/c') })
    expect(await vault(`expire ${place} --keep 1 --yes`)).toMatchObject({
      exitCode: 0,
      err: '',
      out: expect.stringContaining('0 points and 0 copies expired'),
    })
    const store = await account.store(bucket, 'team/c/')
    expect(await store.remove('packs/none')).toBe('absent')
  })

  it('can refuse, by its policy, writers that do not leave what is there as it is', async () => {
    const guarded = await account.bucket()
    const place = `s3://${guarded}/v`
    const deny = {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: `arn:aws:s3:::${guarded}/*`,
      Condition: { Null: { 's3:if-none-match': 'true' } },
    }
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [deny] })
    await account.s3.send(new PutBucketPolicyCommand({ Bucket: guarded, Policy }))
    await vault(`init ${place} --kms-key ${key}`)
    expect(await copyTo(place)).toMatchObject({ exitCode: 0 })
  })
})

describe('what is wrong with a vault in a bucket is said with its name, and with exit code 2', () => {
  it('no such bucket', async () => {
    const gone = await account.bucket()
    await vault(`init s3://${gone}/v --kms-key ${key}`)
    const emptied = await account.store(gone, '')
    for await (const { name } of emptied.list('')) await emptied.remove(name)
    await account.s3.send(new DeleteBucketCommand({ Bucket: gone }))
    for (const words of [`list s3://${gone}/v`, `init s3://${gone}/v --kms-key ${key}`])
      expect(await vault(words)).toMatchObject({
        exitCode: 2,
        err: expect.stringMatching(new RegExp(`^VaultNotFound: .*s3://${gone}/v/vault.json failed: NoSuchBucket`)),
      })
  })

  it('no vault there, or one already', async () => {
    expect(await vault(`list ${at('nothing')}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultNotFound: There is no vault at s3:/),
    })
    await vault(`init ${at('twice')} --kms-key ${key}`)
    expect(await vault(`init ${at('twice')} --kms-key ${key}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultExists/),
    })
  })

  it('a key that may not be used, does not exist, or is disabled', async () => {
    const place = at('key')
    const own = await account.key()
    await vault(`init ${place} --kms-key ${own}`)
    await account.actAs(...readerOf('key'))
    expect(await vault(`list ${place}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^AccessDenied: Decrypt of arn:aws:kms/),
    })
    await account.actAs()
    expect(await vault(`init ${at('none')} --kms-key alias/none`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultKeyWrong: GenerateDataKey of alias\/none failed: NotFoundException/),
    })
    await new KMSClient(account.settings).send(new DisableKeyCommand({ KeyId: own }))
    expect(await vault(`list ${place}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultKeyWrong: Decrypt of arn:aws:kms.* failed: DisabledException/),
    })
  })

  it('a key of another kind', async () => {
    writeFileSync(join(folder, 'key'), 'ab'.repeat(32))
    await vault(`init ${at('kind')} --kms-key ${key}`)
    expect(await vault(`list ${at('kind')} --key-file ${folder}/key`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultKeyWrong: .* is opened with a KMS key, not with a key file/),
    })
  })

  it('the wrapped key of another vault: KMS binds it to its own', async () => {
    await vault(`init ${at('one')} --kms-key ${key}`)
    const one = await (await account.store(bucket, 'one/')).get('vault.json')
    const other = JSON.parse(one?.toString() ?? '')
    const forged = Buffer.from(JSON.stringify({ ...other, vaultId: '0'.repeat(32) }))
    await (await account.store(bucket, 'two/')).put('vault.json', forged)
    expect(await vault(`list ${at('two')}`)).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^VaultKeyWrong: Decrypt .*InvalidCiphertextException/),
    })
  })

  it('no Region', async () => {
    const { AWS_REGION } = process.env
    delete process.env['AWS_REGION']
    const ended = await vault(`list ${at('one')}`)
    Object.assign(process.env, { AWS_REGION })
    expect(ended).toMatchObject({ exitCode: 2, err: expect.stringMatching(/^InvalidInput: No Region is set/) })
  })
})
