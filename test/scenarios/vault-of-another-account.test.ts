import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { loseAllButVaults } from '../../demo/loss.ts'
import { STACK } from '../../demo/synthesize.ts'
import { tandem } from '../../demo/tandem.ts'
import type { Account } from '../../local/account.ts'
import { startWorld, type World } from './world.ts'

/** As in copying-policies.json. */
const OWNER = '222233334444'
const BUCKET = 'acme-vault'
const UNKNOWN_KEY = `arn:aws:kms:eu-central-1:${OWNER}:key/00000000-0000-0000-0000-000000000000`

let world: World
const folder = mkdtempSync(join(tmpdir(), 'tandem-offsite-'))
beforeAll(async () => {
  world = await startWorld({}, deploymentWithVault)
})
afterAll(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

/** Makes key, bucket and vault in the other account, and names the key in the template, as who deploys names it in the policy file. */
async function deploymentWithVault(account: Account): Promise<string> {
  const { endpoint, region, clock, accountId } = account
  const settings = { endpoint, region, credentials: { accessKeyId: OWNER, secretAccessKey: 'test' } }
  const [kms, s3] = [new KMSClient(settings), new S3Client({ ...settings, forcePathStyle: true })]
  const key = await clock.holding(async () => {
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({
        Policy: policyOf([allow(OWNER, ['kms:*'], '*'), allow(accountId, ['kms:Decrypt', 'kms:GenerateDataKey'], '*')]),
      }),
    )
    await s3.send(
      new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }),
    )
    const Policy = policyOf([
      allow(accountId, ['s3:GetObject', 's3:PutObject'], `arn:aws:s3:::${BUCKET}/prod/*`),
      allow(accountId, ['s3:ListBucket'], `arn:aws:s3:::${BUCKET}`),
    ])
    await s3.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }))
    return KeyMetadata?.Arn ?? ''
  })
  for (const client of [kms, s3]) client.destroy()
  await tandem(account, ['vault', 'init', `s3://${BUCKET}/prod`, '--kms-key', key], OWNER)
  return assemblyNaming(key)
}

const policyOf = (Statement: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement })

const allow = (account: string, Action: string[], Resource: string) => ({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${account}:root` },
  Action,
  Resource,
})

function assemblyNaming(key: string): string {
  cpSync(inject('copyingAssembly'), folder, { recursive: true })
  const template = join(folder, `${STACK}.template.json`)
  const text = readFileSync(template, 'utf8')
  expect(text).toContain(UNKNOWN_KEY)
  writeFileSync(template, text.replaceAll(UNKNOWN_KEY, key))
  return folder
}

test('a vault of another account takes copies by both paths, and gives the newest back when all is lost', async () => {
  const { account, fleet } = world
  const machine = await world.machine({ userData: '', policy: 'nightly', dataDisks: [] })
  const points: string[] = []
  for (const path of ['direct', 'proxy']) {
    const { result } = await world.run('protect-machine', { machine })
    points.push((result.output as { point: string }).point)
    const copied = await world.run('copy-point', { machine, vault: 'offsite', path })
    expect(copied.result, copied.result.cause).toMatchObject({ status: 'SUCCEEDED', output: { vault: 'offsite' } })
  }
  await loseAllButVaults(account, fleet)
  const recovered = await world.run('recover-point', { machine })
  expect(recovered.result, recovered.result.cause).toMatchObject({ status: 'SUCCEEDED' })
  const { point } = recovered.result.output as { point: string }
  expect(await tandem(account, ['links', machine, '--point', point])).toContain(
    `recovered from ${points[1]} in vault offsite`,
  )
})
