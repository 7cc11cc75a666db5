import type { NormalizedSchema } from '@smithy/core/schema'
import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'

import { manualClock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { Door } from '../../local/wire/door.ts'
import { serviceEndpoint } from '../../local/wire/endpoint.ts'
import { readModel } from '../../local/wire/model.ts'
import type { OperationModel } from '../../local/wire/model.ts'
import { readWhole } from '../../local/wire/request.ts'
import type { Service } from '../../local/wire/service.ts'
import { hasEventStream, plain, RandomValues } from './random-values.ts'
import type { Omits } from './random-values.ts'

const REGION = 'eu-west-1'
const SEED = 20_261_124
/** More runs find more; the fixed seed makes the usual run repeat exactly. */
const RUNS = Number(process.env['ROUND_TRIP_RUNS'] ?? 1)

/** What does not come through unchanged, and why that is no fault of the server. */
interface Exception {
  readonly service: string
  /** All that have the member unless told. */
  readonly operation?: string
  /** What is not made and not compared; the whole operation unless told. */
  readonly member?: RegExp
  readonly cause: string
}

const EXCEPTIONS: readonly Exception[] = [
  { service: 'sts', operation: 'AssumeRoleWithSAML', cause: 'not signed: nothing says which service is meant' },
  { service: 'sts', operation: 'AssumeRoleWithWebIdentity', cause: 'not signed: nothing says which service is meant' },
  { service: 's3', operation: 'ListDirectoryBuckets', cause: 'has the path of ListBuckets, and a host of its own' },
  { service: 's3', operation: 'WriteGetObjectResponse', cause: 'is about no bucket, and has a host of its own' },
  { service: 's3', operation: 'CreateBucket', member: /^CreateBucketConf/, cause: 'the client adds its Region' },
  { service: 's3', member: /^(CopySource)?SSECustomerKey$/, cause: 'the client encodes it' },
  { service: 's3', member: /^(CopySource)?SSECustomerKeyMD5$/, cause: 'the client computes it' },
  { service: 's3', member: /^ContentMD5$/, cause: 'a random digest is not that of the body' },
  { service: 's3', member: /^ChecksumAlgorithm$/, cause: 'the client names the one that it computes' },
  { service: 's3', operation: 'PutObject', member: /^Checksum/, cause: 'a random checksum is not that of the body' },
  { service: 's3', operation: 'UploadPart', member: /^Checksum/, cause: 'a random checksum is not that of the body' },
  { service: 's3', operation: 'PutObjectAnnotation', member: /^Checksum/, cause: 'random is not that of the body' },
  { service: 's3', operation: 'PutObject', member: /^ContentLength$/, cause: 'the client measures the body' },
  { service: 's3', operation: 'PutObject', member: /^ContentType$/, cause: 'the client names one' },
  { service: 's3', operation: 'UploadPart', member: /^ContentLength$/, cause: 'the client measures the body' },
  { service: 's3', member: /^Expires(String)?$/, cause: 'the client makes two members of one header' },
]

interface Command {
  new (input: object): object
}

interface Client {
  send(command: object): Promise<object>
}

interface SentRequest {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | Readable
}

/** What the operations saw and will answer. */
interface Script {
  seen?: { readonly operation: string; readonly input: unknown }
  answer?: unknown
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** Hands requests to the door without HTTP in between: a hundred times as fast, and bytes all the same. */
function handlerOf(door: Door) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    async handle({ method, path, query = {}, headers, body }: SentRequest) {
      const pairs = Object.entries(query).flatMap(([name, value]) =>
        [value].flat().map((item) => `${encode(name)}=${encode(item)}`),
      )
      const search = pairs.join('&')
      const head = {
        requestId: 'r',
        method,
        path,
        target: search ? `${path}?${search}` : path,
        query: new URLSearchParams(search),
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      }
      const bytes =
        body instanceof Readable
          ? body
          : Readable.from(body ? [typeof body === 'string' ? Buffer.from(body) : body] : [])
      const incoming = { whole: () => readWhole(bytes), arriving: () => bytes }
      const { reply } = await door.answer(head, incoming, (work) => work)
      const content = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
      const response = Readable.from(content instanceof Uint8Array ? [content] : content)
      return { response: { statusCode: reply.status, headers: { ...reply.headers }, body: response } }
    },
  }
}

/** A client and a server of all operations of a service. */
async function connect(module: string, clientName: string) {
  const sdk = (await import(`@aws-sdk/client-${module}`)) as Readonly<Record<string, unknown>>
  const script: Script = {}
  const model = readModel({ sdk, clientName })
  const operations = Object.fromEntries(
    [...model.operations.keys()].map((operation) => [
      operation,
      async (input: unknown) => {
        script.seen = { operation, input: await collected(input) }
        return script.answer
      },
    ]),
  )
  const service: Service = { sdk: async () => sdk, clientName, signingName: model.signingName, operations }
  const door = new Door(
    {
      services: [service],
      identify: () => ({ arn: 'arn:aws:iam::111122223333:user/a', accountId: '111122223333', secretAccessKey: 'b' }),
      region: REGION,
      faults: new Faults(),
      clock: manualClock(0),
    },
    [serviceEndpoint(service)],
  )
  const Client = sdk[clientName] as new (configuration: object) => Client
  const client = new Client({
    endpoint: 'http://127.0.0.1',
    region: REGION,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
    requestHandler: handlerOf(door),
    forcePathStyle: true,
    disableHostPrefix: true,
    // SQS' client compares the digests of an answer with what it sent; random ones are never right.
    md5: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return { sdk, client, script, model }
}

type Connection = Awaited<ReturnType<typeof connect>>

/** Streams read to their ends. */
async function collected(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(async ([name, item]: [string, unknown]) => [
    name,
    item instanceof Readable ? new Uint8Array(Buffer.concat((await item.toArray()) as Uint8Array[])) : item,
  ])
  return Object.fromEntries(await Promise.all(entries)) as unknown
}

/** What a set of exceptions leaves out of an operation. */
const omitsOf =
  (exceptions: readonly Exception[], operation: string): Omits =>
  (name) =>
    exceptions.some(
      (exception) => (exception.operation ?? operation) === operation && exception.member?.test(name) === true,
    )

const make = (values: RandomValues, schema: NormalizedSchema): Record<string, unknown> =>
  schema.isUnitSchema() ? {} : values.structure(schema)

/** Sends a random input and answers a random output; what arrived differently, or nothing. */
async function difference(
  { sdk, client, script }: Connection,
  operation: OperationModel,
  seed: number,
  omits: Omits,
): Promise<string | undefined> {
  const Command = sdk[`${operation.name}Command`] as Command
  const values = new RandomValues(seed, omits)
  const input = make(values, operation.input)
  if ('Bucket' in input) input['Bucket'] = 'bucket'
  const output = make(values, operation.output)
  Object.assign(script, { seen: undefined, answer: output })
  let answer: unknown
  try {
    answer = await collected(await client.send(new Command(structuredClone(input))))
  } catch (error) {
    return `${String(error)} for ${JSON.stringify(plain(input))} and ${JSON.stringify(plain(output))}`
  }
  const { seen } = script
  if (seen?.operation !== operation.name) return `was routed to ${String(seen?.operation)}`
  const isSame = (sent: unknown, came: unknown) => isDeepStrictEqual(plain(came, omits), plain(sent, omits))
  if (!isSame(input, seen.input)) return differing('input', input, seen.input)
  return isSame(output, answer) ? undefined : differing('output', output, answer)
}

const differing = (what: string, sent: unknown, came: unknown): string =>
  `${what} ${JSON.stringify(plain(sent))} came as ${JSON.stringify(plain(came))}`

/** All operations but those that are streams of events, which no protocol here speaks. */
const operationsOf = ({ model }: Connection): OperationModel[] =>
  [...model.operations.values()].filter(({ input, output }) => !hasEventStream(input) && !hasEventStream(output))

/** Whether an exception is one: that without it something does come through differently. */
async function isNeeded(connection: Connection, exceptions: readonly Exception[], lifted: Exception): Promise<boolean> {
  const others = exceptions.filter((exception) => exception !== lifted)
  const concerned = operationsOf(connection).filter(({ name }) => name === (lifted.operation ?? name))
  for (let run = 0; run < 5; run += 1) {
    for (const operation of concerned) {
      if (isSkipped(others, operation)) continue
      if (await difference(connection, operation, SEED + run, omitsOf(others, operation.name))) return true
    }
  }
  return false
}

const isSkipped = (exceptions: readonly Exception[], { name }: OperationModel): boolean =>
  exceptions.some(({ operation, member }) => operation === name && !member)

describe('every operation of', () => {
  it.each([
    ['ec2', 'EC2Client'],
    ['sfn', 'SFNClient'],
    ['dynamodb', 'DynamoDBClient'],
    ['ssm', 'SSMClient'],
    ['kms', 'KMSClient'],
    ['sts', 'STSClient'],
    ['ebs', 'EBSClient'],
    ['s3', 'S3Client'],
    ['eventbridge', 'EventBridgeClient'],
    ['scheduler', 'SchedulerClient'],
    ['lambda', 'LambdaClient'],
    ['iam', 'IAMClient'],
    ['sqs', 'SQSClient'],
  ])('%s brings any input to the service and any output back, unchanged', async (module, clientName) => {
    const connection = await connect(module, clientName)
    const exceptions = EXCEPTIONS.filter(({ service }) => service === module)
    const failures: string[] = []
    for (const operation of operationsOf(connection)) {
      if (isSkipped(exceptions, operation)) continue
      for (let run = 0; run < RUNS; run += 1) {
        const failure = await difference(connection, operation, SEED + run, omitsOf(exceptions, operation.name))
        if (!failure) continue
        failures.push(`${operation.name} with seed ${SEED + run}: ${failure}`)
        break
      }
    }
    expect(failures).toEqual([])
    for (const exception of exceptions) {
      expect([exception, await isNeeded(connection, exceptions, exception)]).toEqual([exception, true])
    }
  })
})
