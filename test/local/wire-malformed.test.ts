import * as ec2 from '@aws-sdk/client-ec2'
import * as kms from '@aws-sdk/client-kms'
import * as lambda from '@aws-sdk/client-lambda'
import * as sfn from '@aws-sdk/client-sfn'
import * as sts from '@aws-sdk/client-sts'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { awsJson } from '../../local/wire/json.ts'
import { readModel } from '../../local/wire/model.ts'
import type { Protocol } from '../../local/wire/protocol.ts'
import { ec2Query } from '../../local/wire/ec2-query.ts'
import { sendSigned } from './signing.ts'
import type { PlainRequest } from './signing.ts'
import { ADMINISTRATOR_KEYS, REGION, refusal, startWireAccount } from './wire-account.ts'
import type { WireAccount } from './wire-account.ts'

let account: WireAccount

beforeAll(async () => {
  account = await startWireAccount()
})
afterAll(() => account.server.close())
beforeEach(() => account.seen.splice(0))

const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }

interface Answer {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Sends what no client would, and reads the answer as clients do: code, message and request id in the protocol's own places. */
async function ask(service: string, request: Partial<PlainRequest>): Promise<Answer> {
  const scope = { keys: ADMINISTRATOR_KEYS, service, region: REGION }
  const response = await sendSigned(account.server.endpoint, scope, { method: 'POST', path: '/', ...request })
  const text = await response.text()
  const requestId = response.headers.get('x-amzn-requestid') ?? ''
  expect(requestId).toMatch(/^00000000-/)
  const { status } = response
  if (!text.startsWith('{')) {
    if (status !== 200) expect(text).toMatch(new RegExp(`<Request(ID|Id)>${requestId}</Request(ID|Id)>`))
    return { status, code: element(text, 'Code'), message: element(text, 'Message') }
  }
  const body = JSON.parse(text) as { __type: string; message: string }
  return { status, code: body.__type, message: body.message }
}

const element = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? ''

/** Each request by its name, with the answer that it must get; none of them may reach an operation. */
async function expectRefusals(service: string, cases: Record<string, [Partial<PlainRequest>, Answer | string]>) {
  const got: Record<string, unknown> = {}
  const wanted: Record<string, unknown> = {}
  for (const [name, [request, answer]] of Object.entries(cases)) {
    const { status, code, message } = await ask(service, request)
    got[name] = typeof answer === 'string' ? `${status} ${code}` : { status, code, message }
    wanted[name] = answer
  }
  expect(got).toEqual(wanted)
  expect(account.seen).toEqual([])
}

const form = (body: string): Partial<PlainRequest> => ({ headers: FORM, body })

describe('a malformed request in ec2Query', () => {
  it('is refused in the words of EC2', () =>
    expectRefusals('ec2', {
      'no action': [form('Version=2016-11-15'), '400 MissingAction'],
      'an action of nobody': [
        form('Action=DescribeDragons&Version=2016-11-15'),
        {
          status: 400,
          code: 'InvalidAction',
          message: 'The action DescribeDragons is not valid for this web service.',
        },
      ],
      'no version': [
        form('Action=DescribeVolumes'),
        { status: 400, code: 'MissingParameter', message: 'The request must contain the parameter Version' },
      ],
      'another version': [
        form('Action=DescribeVolumes&Version=2006-06-26'),
        {
          status: 400,
          code: 'NoSuchVersion',
          message: 'The requested version (2006-06-26) of service AmazonEC2 does not exist',
        },
      ],
      'broken percent-encoding': [
        form('Action=DescribeVolumes&Version=2016-11-15&VolumeId.1=%zz'),
        { status: 404, code: 'MalformedQueryString', message: 'The query string contains a syntax error.' },
      ],
      'bytes that are no text': [
        form('Action=DescribeVolumes&Version=2016-11-15&VolumeId.1=%ff'),
        '404 MalformedQueryString',
      ],
      'a body that is no form': [
        { headers: { 'content-type': 'application/json' }, body: 'Action=DescribeVolumes&Version=2016-11-15' },
        '400 MissingAction',
      ],
      'another method': [
        { method: 'PUT', ...form('Action=DescribeVolumes&Version=2016-11-15') },
        '404 UnknownOperationException',
      ],
      'another path': [
        { path: '/volumes', ...form('Action=DescribeVolumes&Version=2016-11-15') },
        '404 UnknownOperationException',
      ],
      'a list without numbers': [
        form('Action=DescribeVolumes&Version=2016-11-15&VolumeId=vol-1'),
        { status: 400, code: 'UnknownParameter', message: 'The parameter VolumeId is not recognized' },
      ],
      'a list with other names': [
        form('Action=DescribeVolumes&Version=2016-11-15&VolumeId.one=vol-1'),
        { status: 400, code: 'UnknownParameter', message: 'The parameter VolumeId.one is not recognized' },
      ],
      'parts of what has none': [
        form('Action=DeleteVolume&Version=2016-11-15&VolumeId=vol-1&VolumeId.1=vol-2'),
        { status: 400, code: 'UnknownParameter', message: 'The parameter VolumeId.1 is not recognized' },
      ],
    }))

  it('is not one whose parameters are in its URL', async () => {
    const query = { Action: 'DescribeVolumes', Version: '2016-11-15', MaxResults: '7' }
    for (const method of ['GET', 'POST']) expect((await ask('ec2', { method, query })).status).toBe(200)
    expect(account.seen).toEqual([{ MaxResults: 7 }, { MaxResults: 7 }])
  })
})

describe('a malformed request in awsQuery', () => {
  it('is refused in the words of STS', () =>
    expectRefusals('sts', {
      'no action': [form('Version=2011-06-15'), '400 MissingAction'],
      'an action of nobody': [
        form('Action=Fly&Version=2011-06-15'),
        { status: 400, code: 'InvalidAction', message: 'Could not find operation Fly for version 2011-06-15' },
      ],
      'no version': [
        form('Action=GetCallerIdentity'),
        {
          status: 400,
          code: 'InvalidAction',
          message: 'Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED',
        },
      ],
      'another version': [
        form('Action=GetCallerIdentity&Version=2010-05-08'),
        {
          status: 400,
          code: 'InvalidAction',
          message: 'Could not find operation GetCallerIdentity for version 2010-05-08',
        },
      ],
      'broken percent-encoding': [form('Action=GetCallerIdentity&Version=2011-06-15&a=%'), '404 MalformedQueryString'],
      'another method': [
        { method: 'DELETE', query: { Action: 'GetCallerIdentity', Version: '2011-06-15' } },
        '404 UnknownOperationException',
      ],
    }))

  it('is refused in the words of IAM when a value is of another type', () =>
    expectRefusals('iam', {
      'a number that is none': [form('Action=ListUsers&Version=2010-05-08&MaxItems=many'), '400 MalformedInput'],
    }))
})

/** A call of Step Functions; `target` and `type` undefined leave the header out. */
const json = (
  body: string | Uint8Array,
  target: string | undefined = 'AWSStepFunctions.DescribeExecution',
  type: string | undefined = 'application/x-amz-json-1.0',
): Partial<PlainRequest> => ({
  headers: { ...(target ? { 'x-amz-target': target } : {}), ...(type ? { 'content-type': type } : {}) },
  body,
})

describe('a malformed request in awsJson', () => {
  const BODY = '{"executionArn":"arn:one"}'

  it('is refused before an operation sees it', () =>
    expectRefusals('states', {
      'an operation of nobody': [json(BODY, 'AWSStepFunctions.Fly'), '400 UnknownOperationException'],
      'an operation of another service': [json(BODY, 'AmazonSSM.DescribeExecution'), '400 UnknownOperationException'],
      'an operation without its service': [json(BODY, 'DescribeExecution'), '400 UnknownOperationException'],
      'no operation': [json(BODY, ''), '400 UnknownOperationException'],
      'a GET': [
        { method: 'GET', headers: { 'x-amz-target': 'AWSStepFunctions.DescribeExecution' } },
        '404 UnknownOperationException',
      ],
      'another path': [{ path: '/x', ...json(BODY) }, '404 UnknownOperationException'],
      'JSON of another version': [json(BODY, undefined, 'application/x-amz-json-1.1'), '404 UnknownOperationException'],
      'plain text': [json(BODY, undefined, 'text/plain'), '404 UnknownOperationException'],
      'no type': [json(Buffer.from(BODY), undefined, ''), '404 UnknownOperationException'],
      'broken JSON': [json('{"executionArn":'), '400 SerializationException'],
      'two documents': [json(`${BODY}{}`), '400 SerializationException'],
      'bytes that are no text': [json(Buffer.from([0x22, 0xff, 0x22])), '400 SerializationException'],
      'a list at the top': [json('[]'), '400 SerializationException'],
      'null at the top': [json('null'), '400 SerializationException'],
      'a text at the top': [json('"arn"'), '400 SerializationException'],
    }))

  it('is refused when a structure, a list, a map or a blob is something else', () =>
    expectRefusals('states', {
      'a list for a structure': [
        json(
          '{"loggingConfiguration":[],"name":"m","definition":"d","roleArn":"r"}',
          'AWSStepFunctions.CreateStateMachine',
        ),
        '400 SerializationException',
      ],
      'a structure for a list': [
        json('{"tags":{},"name":"m","definition":"d","roleArn":"r"}', 'AWSStepFunctions.CreateStateMachine'),
        '400 SerializationException',
      ],
    }))
})

describe('a malformed request in restJson1', () => {
  const TYPE = { 'content-type': 'application/json' }

  it('is refused before an operation sees it', () =>
    expectRefusals('scheduler', {
      'an operation of nobody': [{ path: '/dragons' }, '404 UnknownOperationException'],
      'another method': [{ method: 'PATCH', path: '/schedules/a' }, '404 UnknownOperationException'],
      'broken percent-encoding': [{ method: 'GET', path: '/schedules/%zz' }, '400 ValidationException'],
      'broken JSON': [{ path: '/schedules/a', headers: TYPE, body: '{' }, '400 SerializationException'],
      'a list at the top': [{ path: '/schedules/a', headers: TYPE, body: '[]' }, '400 SerializationException'],
      'a list for a structure': [
        { path: '/schedules/a', headers: TYPE, body: '{"Target":[]}' },
        '400 SerializationException',
      ],
      'another type': [
        { path: '/schedules/a', headers: { 'content-type': 'text/xml' }, body: '{}' },
        '415 UnsupportedMediaTypeException',
      ],
      'a number that is none': [
        { method: 'GET', path: '/schedules', query: { MaxResults: 'many' } },
        '400 ValidationException',
      ],
    }))
})

/** A PutBucketVersioning. */
const versioning = (body: string): Partial<PlainRequest> => ({
  method: 'PUT',
  path: '/bucket',
  query: { versioning: '' },
  headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': String(Buffer.byteLength(body)) },
  body,
})
describe('a malformed request in restXml', () => {
  const MALFORMED = {
    status: 400,
    code: 'MalformedXML',
    message: 'The XML you provided was not well-formed or did not validate against our published schema',
  }
  const DOCUMENT = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'

  it('is refused in the words of S3', () =>
    expectRefusals('s3', {
      'broken XML': [versioning('<VersioningConfiguration><Status>Enabled</VersioningConfiguration>'), MALFORMED],
      'no XML': [versioning('{}'), MALFORMED],
      'two documents': [versioning(DOCUMENT + DOCUMENT), MALFORMED],
      'a document of another kind': [versioning('<Versioning><Status>Enabled</Status></Versioning>'), MALFORMED],
      'an element of nobody': [
        versioning('<VersioningConfiguration><Stage>Enabled</Stage></VersioningConfiguration>'),
        MALFORMED,
      ],
      'an entity of its own': [
        versioning(`<!DOCTYPE a [<!ENTITY on "Enabled">]>${DOCUMENT.replace('Enabled', '&on;')}`),
        MALFORMED,
      ],
      'no body': [versioning(''), { status: 400, code: 'MissingRequestBodyError', message: 'Request Body is empty' }],
      'broken percent-encoding': [
        { method: 'GET', path: '/bucket/%zz', headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
        '400 InvalidURI',
      ],
    }))
})

/** What becomes of a request that a protocol reads. */
async function read(protocol: Protocol, headers: Record<string, string>, body: string): Promise<unknown> {
  const head = { requestId: 'r', method: 'POST', target: '/', path: '/', query: new URLSearchParams(), headers }
  const request = { ...head, body: Buffer.from(body) }
  return protocol.decode(protocol.route(request), request).catch((error: { code: string }) => error.code)
}

describe('a blob', () => {
  it('must be base64 in JSON', async () => {
    const headers = { 'x-amz-target': 'TrentService.Decrypt', 'content-type': 'application/x-amz-json-1.1' }
    const protocol = awsJson(readModel({ sdk: kms, clientName: 'KMSClient' }))
    const decrypt = (blob: string) => read(protocol, headers, `{"CiphertextBlob":${blob}}`)
    expect(await decrypt('"YQ=="')).toEqual({ CiphertextBlob: Uint8Array.from([97]) })
    for (const blob of ['"YQ="', '"Y!=="', '"YQ"', '7', '[]', '{}'])
      expect(await decrypt(blob)).toBe('SerializationException')
  })

  it('must be base64 in a form', async () => {
    const protocol = ec2Query(readModel({ sdk: ec2, clientName: 'EC2Client' }))
    const importKey = (blob: string) =>
      read(protocol, FORM, `Action=ImportKeyPair&Version=2016-11-15&PublicKeyMaterial=${blob}`)
    expect(await importKey('YQ%3D%3D')).toEqual({ PublicKeyMaterial: Uint8Array.from([97]) })
    for (const blob of ['YQ%3D', 'Y!%3D%3D', 'YQ']) expect(await importKey(blob)).toBe('InvalidParameterValue')
  })
})

describe('a body beyond 16 MiB', () => {
  const { length } = Buffer.alloc(16 * 1024 * 1024 + 1)

  /** Announces a body, and sends it when told to: the code of the refusal, and whether the body was wanted. */
  function announce(service: string, path: string, type: string): Promise<readonly [string, boolean]> {
    const { hostname, port } = new URL(account.server.endpoint)
    const authorization = `AWS4-HMAC-SHA256 Credential=test/20260301/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=00`
    const headers = { authorization, expect: '100-continue', 'content-length': length, 'content-type': type }
    return new Promise((resolve, reject) => {
      let isWanted = false
      const outgoing = httpRequest({ method: 'POST', hostname, port, path, headers }, (answer) => {
        const read = async (): Promise<readonly [string, boolean]> => {
          const text = Buffer.concat((await answer.toArray()) as Uint8Array[]).toString()
          const code = text.startsWith('{') ? (JSON.parse(text) as { __type: string }).__type : element(text, 'Code')
          return [`${answer.statusCode} ${code}`, isWanted]
        }
        resolve(read().finally(() => outgoing.destroy()))
      })
      outgoing.on('continue', () => (isWanted = true))
      outgoing.on('error', reject)
      outgoing.flushHeaders()
    })
  }

  it('is refused by its announced length, before any of it is read', async () => {
    expect(await announce('lambda', '/2015-03-31/functions/f/invocations', 'application/json')).toEqual([
      '413 RequestTooLargeException',
      false,
    ])
    expect(await announce('states', '/', 'application/x-amz-json-1.0')).toEqual([
      '413 RequestEntityTooLargeException',
      false,
    ])
    expect(await announce('ec2', '/', 'application/x-www-form-urlencoded')).toEqual([
      '413 RequestEntityTooLarge',
      false,
    ])
  })
})

it('shows an SDK client the name and message of each refusal', async () => {
  const configuration = account.configuration()
  const wrongFunction = new lambda.LambdaClient(configuration)
  wrongFunction.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { path: string }
      request.path = '/dragons'
      return next(args)
    },
    { step: 'build', priority: 'high' },
  )
  const broken = new sfn.SFNClient(configuration)
  broken.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: string }
      request.body = '{'
      return next(args)
    },
    { step: 'build', priority: 'high' },
  )
  const old = new sts.STSClient(configuration)
  old.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: string }
      request.body = request.body.replace(/Version=[^&]*/, 'Version=1')
      return next(args)
    },
    { step: 'build', priority: 'high' },
  )
  const answers = [
    await refusal(wrongFunction.send(new lambda.InvokeCommand({ FunctionName: 'f' }))),
    await refusal(broken.send(new sfn.DescribeExecutionCommand({ executionArn: 'a' }))),
    await refusal(old.send(new sts.GetCallerIdentityCommand({}))),
  ]
  expect(answers.map(({ name, status }) => `${status} ${name}`)).toEqual([
    '404 UnknownOperationException',
    '400 SerializationException',
    '400 InvalidAction',
  ])
  for (const { message } of answers) expect(message).not.toMatch(/^(UnknownError|)$/)
})
