import * as ec2 from '@aws-sdk/client-ec2'
import * as s3 from '@aws-sdk/client-s3'
import * as scheduler from '@aws-sdk/client-scheduler'
import * as sfn from '@aws-sdk/client-sfn'
import * as sts from '@aws-sdk/client-sts'
import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { RequestHead } from '../../local/wire/request.ts'
import { checkSignature, readSignature } from '../../local/wire/signature.ts'
import type { Signature } from '../../local/wire/signature.ts'
import { signer, sendSigned } from './signing.ts'
import { ACCOUNT_ID, ADMINISTRATOR_KEYS, MOVER_SESSION, REGION, refusal, startWireAccount } from './wire-account.ts'
import type { Keys, WireAccount } from './wire-account.ts'

const DESCRIBE = 'Action=DescribeVolumes&Version=2016-11-15'

const sha256 = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('hex')

/** A request as a signer sees it, of characters that canonical forms treat specially. */
const text = fc.string({ unit: fc.constantFrom(...Array.from('aZ09-_.~ /+=&%*()!\'"é中\t')), maxLength: 8 })
const request = fc.record({
  service: fc.constantFrom('ec2', 's3', 'states', 'scheduler'),
  method: fc.constantFrom('GET', 'PUT', 'POST'),
  segments: fc.array(text, { maxLength: 4 }),
  query: fc.dictionary(
    text.filter((name) => name !== ''),
    fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
  ),
  header: fc.string({ unit: fc.constantFrom(...Array.from('ab  ,;=\t')), maxLength: 10 }),
  body: fc.string({ maxLength: 20 }),
  secretAccessKey: fc.string({ minLength: 1, maxLength: 12 }),
  sessionToken: fc.option(fc.constant('the/session+token=='), { nil: undefined }),
})

const encode = (part: string): string =>
  encodeURIComponent(part).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** What a request looks like when it arrives. */
function arrived(signed: Awaited<ReturnType<ReturnType<typeof signer>['sign']>>): RequestHead {
  const pairs = Object.entries(signed.query ?? {}).flatMap(([name, value]) =>
    [value ?? ''].flat().map((item) => `${encode(name)}=${encode(item)}`),
  )
  const target = pairs.length > 0 ? `${signed.path}?${pairs.join('&')}` : signed.path
  const headers = Object.fromEntries(
    Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  )
  const query = new URLSearchParams(pairs.join('&'))
  return { requestId: 'r', method: signed.method, target, path: signed.path, query, headers }
}

function plain(asked: { method: string; segments: string[]; query: Record<string, string | string[]>; body: string }) {
  const path = `/${asked.segments.map((segment) => segment.split('/').map(encode).join('/')).join('/')}`
  return { method: asked.method, protocol: 'http:', hostname: 'h', path, query: asked.query, body: asked.body }
}

function signatureOf(head: RequestHead): Signature {
  const signature = readSignature(head)
  if (!signature) throw new Error('The signature was not found.')
  return signature
}

describe('a signature', () => {
  it('is the one that the SDK makes, for any request', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        const { service, secretAccessKey, sessionToken, body } = asked
        const keys = { accessKeyId: 'AK', secretAccessKey, sessionToken }
        const payloadHash = sha256(body)
        const headers = { host: 'h', 'x-amz-content-sha256': payloadHash, 'x-amz-meta-a': asked.header }
        const head = arrived(await signer(keys, service, REGION).sign({ ...plain(asked), headers }))
        const signature = signatureOf(head)
        expect(signature).toMatchObject({ accessKeyId: 'AK', service, region: REGION, sessionToken })
        expect(checkSignature(signature, head, secretAccessKey, payloadHash)).toBeUndefined()
        expect(checkSignature(signature, head, `${secretAccessKey}x`, payloadHash)?.kind).toBe('mismatch')
        const tampered = { ...head, method: 'DELETE' }
        expect(checkSignature(signature, tampered, secretAccessKey, payloadHash)?.kind).toBe('mismatch')
      }),
      { seed: 3, numRuns: 150 },
    )
  })

  it('is the one that the SDK makes, for any presigned URL', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        const { service, secretAccessKey, sessionToken, body } = asked
        const keys = { accessKeyId: 'AK', secretAccessKey, sessionToken }
        const headers = { host: 'h', 'x-amz-content-sha256': sha256(body) }
        const head = arrived(await signer(keys, service, REGION).presign({ ...plain(asked), headers }))
        expect(checkSignature(signatureOf(head), head, secretAccessKey, sha256(body))).toBeUndefined()
        const tampered = { ...head, target: `${head.target}&versionId=1` }
        expect(checkSignature(signatureOf(head), tampered, secretAccessKey, sha256(body))?.kind).toBe('mismatch')
      }),
      { seed: 4, numRuns: 100 },
    )
  })
})

describe('the account', () => {
  let account: WireAccount

  beforeAll(async () => {
    account = await startWireAccount()
  })

  beforeEach(() => {
    account.calls.length = 0
  })

  afterAll(() => account.server.close())

  const callsWith = (keys: Keys) => [
    new sts.STSClient(account.configuration(keys)).send(new sts.GetCallerIdentityCommand({})),
    new ec2.EC2Client(account.configuration(keys)).send(new ec2.DescribeVolumesCommand({})),
    new sfn.SFNClient(account.configuration(keys)).send(new sfn.DescribeExecutionCommand({ executionArn: 'a' })),
    new scheduler.SchedulerClient(account.configuration(keys)).send(new scheduler.ListSchedulesCommand({})),
    new s3.S3Client(account.configuration(keys)).send(new s3.GetObjectCommand({ Bucket: 'b', Key: 'k' })),
  ]

  const refusalsOf = async (keys: Keys) =>
    (await Promise.all(callsWith(keys).map(refusal))).map(({ name, status }) => [name, status])

  it('refuses a wrong secret as each service does, and does nothing (AWS facts A.21)', async () => {
    expect(await refusalsOf({ accessKeyId: 'test', secretAccessKey: 'wrong' })).toEqual([
      ['SignatureDoesNotMatch', 403],
      ['AuthFailure', 401],
      ['InvalidSignatureException', 400],
      ['InvalidSignatureException', 403],
      ['SignatureDoesNotMatch', 403],
    ])
    expect(account.calls).toEqual([])
  })

  it('refuses a session token that is not the one given out with the key', async () => {
    const role = account.identities.session(MOVER_SESSION)
    expect(await refusalsOf({ ...role, sessionToken: 'forged' })).toEqual([
      ['InvalidClientTokenId', 403],
      ['AuthFailure', 401],
      ['UnrecognizedClientException', 400],
      ['UnrecognizedClientException', 403],
      ['InvalidAccessKeyId', 403],
    ])
    expect(account.calls).toEqual([])
  })

  /** A signed request whose Authorization header was changed on the way. */
  async function sendWith(change: (authorization: string) => string, body = DESCRIBE) {
    const { host, hostname } = new URL(account.server.endpoint)
    const form = { 'content-type': 'application/x-www-form-urlencoded', host }
    const plainRequest = { method: 'POST', protocol: 'http:', hostname, path: '/', headers: form }
    const signed = await signer(ADMINISTRATOR_KEYS, 'ec2', REGION).sign({ ...plainRequest, body })
    const { host: _, ...headers } = signed.headers
    const authorization = change(headers['authorization'] ?? '')
    return fetch(account.server.endpoint, { method: 'POST', headers: { ...headers, authorization }, body })
  }

  it.each([
    ['no signature', (header: string) => header.replace(/, Signature=.*/, '')],
    ['no signed headers', (header: string) => header.replace(/SignedHeaders=[^,]*,/, '')],
    ['an unsigned host', (header: string) => header.replace('host;', '')],
    ['a scope of another day', (header: string) => header.replace(/\/\d{8}\//, '/20200101/')],
    ['another algorithm', (header: string) => header.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')],
  ])('refuses %s as incomplete', async (_, change) => {
    expect((await sendWith((header) => header)).status).toBe(200)
    const answer = await sendWith(change)
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('<Code>IncompleteSignature<')])
  })

  it('refuses a body that was changed after it was signed', async () => {
    const scope = { keys: ADMINISTRATOR_KEYS, service: 'ec2', region: REGION }
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-amz-content-sha256': sha256(DESCRIBE),
    }
    const send = (body: string) =>
      sendSigned(account.server.endpoint, scope, { method: 'POST', path: '/', headers, body })
    expect((await send(DESCRIBE)).status).toBe(200)
    expect((await send(`${DESCRIBE}&VolumeId.1=vol-1`)).status).toBe(401)
  })

  it('takes a presigned URL of a query service', async () => {
    const { host, hostname, port } = new URL(account.server.endpoint)
    const url = await signer(ADMINISTRATOR_KEYS, 'sts', REGION).presign({
      method: 'GET',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: '/',
      headers: { host },
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    })
    const query = Object.entries(url.query ?? {}).map(([name, value]): [string, string] => [name, String(value)])
    const search = new URLSearchParams(query)
    const ask = (more = '') => fetch(`${account.server.endpoint}/?${search.toString()}${more}`)
    expect(await (await ask()).text()).toContain(`<Account>${ACCOUNT_ID}</Account>`)
    expect(await (await ask('&Extra=1')).text()).toContain('<Code>SignatureDoesNotMatch</Code>')
  })
})
