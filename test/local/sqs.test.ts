import { createHash } from 'node:crypto'
import { deserialize, serialize } from 'node:v8'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import type { ReceiveMessageCommandInput } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { autoClock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { createSqs } from '../../local/sqs/sqs.ts'
import { startWireServer, type WireServer } from '../../local/wire/server.ts'
import { refusal } from './wire-account.ts'

const ACCOUNT_ID = '111122223333'
const REGION = 'eu-west-1'
const START_MS = Date.UTC(2026, 2, 1)
const clock = autoClock(START_MS)
let server: WireServer
const keys = new Map<string, string>()
const options = {
  clock,
  accountId: ACCOUNT_ID,
  region: REGION,
  endpoint: () => server.endpoint,
  keyState: (name: string) => keys.get(name),
}
const sqs = createSqs(options)
let client: SQSClient
let queueCount = 0
let QueueUrl: string
let arn: string

beforeAll(async () => {
  const { identify } = createIdentities({ accountId: ACCOUNT_ID })
  const place = { region: REGION, faults: new Faults(), clock, identify }
  server = await startWireServer({ services: [sqs.service], ...place })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = new SQSClient({ endpoint: server.endpoint, region: REGION, credentials, maxAttempts: 1 })
})
afterAll(async () => {
  client.destroy()
  await server.close()
})
beforeEach(async () => {
  QueueUrl = await create(`queue-${(queueCount += 1)}`)
  arn = `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:queue-${queueCount}`
})

/** Virtual time stands still while a call is on its way. */
const call = <T>(work: () => Promise<T>): Promise<T> => clock.holding(work)

async function create(QueueName: string, Attributes: Record<string, string> = {}): Promise<string> {
  return (await call(() => client.send(new CreateQueueCommand({ QueueName, Attributes })))).QueueUrl ?? ''
}

const send = (MessageBody: string, DelaySeconds?: number, url = QueueUrl) =>
  call(() => client.send(new SendMessageCommand({ QueueUrl: url, MessageBody, DelaySeconds })))

/** Not held: it may wait for virtual time. */
const receive = async (more: Partial<ReceiveMessageCommandInput> = {}) =>
  (await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? []

const remove = (ReceiptHandle: string | undefined) =>
  call(() => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })))

const purge = () => call(() => client.send(new PurgeQueueCommand({ QueueUrl })))

async function counts(): Promise<(string | undefined)[]> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })
  const { Attributes } = await call(() => client.send(command))
  const shown: Partial<Record<string, string>> = Attributes ?? {}
  return ['', 'NotVisible', 'Delayed'].map((kind) => shown[`ApproximateNumberOfMessages${kind}`])
}

describe('a message', () => {
  it('is hidden from others while it is in flight, comes back, and is gone once deleted', async () => {
    await send('hello')
    const [first] = await receive({ VisibilityTimeout: 60, MessageSystemAttributeNames: ['All'] })
    expect(first).toMatchObject({ Body: 'hello', Attributes: { ApproximateReceiveCount: '1', SenderId: 'test' } })
    expect(await receive()).toEqual([])
    expect(await counts()).toEqual(['0', '1', '0'])
    await clock.sleep(60_000)
    const [again] = await receive({ MessageSystemAttributeNames: ['ApproximateReceiveCount'] })
    expect(again).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: '2' } })
    // The receipt of the first delivery is worth nothing any more.
    await remove(first?.ReceiptHandle)
    expect(await counts()).toEqual(['0', '1', '0'])
    await remove(again?.ReceiptHandle)
    expect(await counts()).toEqual(['0', '0', '0'])
  })

  it('carries attributes of every type, whose MD5 the SDK and its reader can check', async () => {
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'ü' },
      number: { DataType: 'Number.int', StringValue: '7' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 255) },
    }
    const sent = await call(() =>
      client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes })),
    )
    const [message] = await receive({ MessageAttributeNames: ['All'] })
    expect(message?.MessageAttributes).toEqual(MessageAttributes)
    expect(message?.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes)
    const parts = (['bytes', 'number', 'text'] as const).flatMap((name) => {
      const { DataType } = MessageAttributes[name]
      const isBytes = name === 'bytes'
      const value = isBytes ? MessageAttributes.bytes.BinaryValue : Buffer.from(MessageAttributes[name].StringValue)
      const framed = [Buffer.from(name), Buffer.from(DataType), value].map((part) => {
        const length = Buffer.alloc(4)
        length.writeUInt32BE(part.length)
        return Buffer.concat([length, part])
      })
      return [framed[0]!, framed[1]!, Buffer.of(isBytes ? 2 : 1), framed[2]!]
    })
    expect(sent.MD5OfMessageAttributes).toBe(createHash('md5').update(Buffer.concat(parts)).digest('hex'))
  })

  it('shows a receiver the attributes that it names', async () => {
    const value = { DataType: 'String', StringValue: 'x' }
    const MessageAttributes = { 'app.one': value, 'app.two': value, other: value }
    await call(() => client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes })))
    const [message] = await receive({ MessageAttributeNames: ['app.*'] })
    expect(Object.keys(message?.MessageAttributes ?? {})).toEqual(['app.one', 'app.two'])
  })

  it('is kept back until its delay is over', async () => {
    await send('later', 30)
    expect(await receive()).toEqual([])
    expect(await counts()).toEqual(['0', '0', '1'])
    await clock.sleep(30_000)
    expect(await receive()).toHaveLength(1)
  })

  it('is forgotten at the end of the retention period', async () => {
    const command = new SetQueueAttributesCommand({ QueueUrl, Attributes: { MessageRetentionPeriod: '60' } })
    await call(() => client.send(command))
    await send('old')
    await clock.sleep(60_000)
    expect(await receive()).toEqual([])
  })

  it('stays hidden longer, or not at all, as its receiver says', async () => {
    await send('x')
    const [{ ReceiptHandle } = {}] = await receive({ VisibilityTimeout: 10 })
    const change = (VisibilityTimeout: number) =>
      call(() => client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout })))
    await change(100)
    await clock.sleep(50_000)
    expect(await receive()).toEqual([])
    await change(0)
    expect(await refusal(change(5))).toMatchObject({ name: 'MessageNotInflight' })
    expect(await receive()).toHaveLength(1)
  })

  it.each([
    ['', 'MissingParameter'],
    ['a\u0000b', 'InvalidMessageContents'],
    ['x'.repeat(1_048_577), 'InvalidParameterValue'],
  ])('is refused when its body is %j', async (body, name) => {
    expect(await refusal(send(body))).toMatchObject({ name })
  })
})

describe('a long poll', () => {
  it('ends with the first message that arrives, in virtual time', async () => {
    const waiting = receive({ WaitTimeSeconds: 20 })
    clock.after(7000, () => sqs.send(arn, 'now'))
    expect(await waiting).toMatchObject([{ Body: 'now' }])
    expect(clock.now() % 60_000).not.toBe(0)
  })

  it('ends with a message whose delay is over, or empty when its time is', async () => {
    await send('soon', 5)
    const before = clock.now()
    expect(await receive({ WaitTimeSeconds: 20 })).toMatchObject([{ Body: 'soon' }])
    expect(clock.now() - before).toBe(5000)
    expect(await receive({ WaitTimeSeconds: 20 })).toEqual([])
    expect(clock.now() - before).toBe(25_000)
  })
})

describe('dead letters', () => {
  it('are moved after as many receives as the redrive policy allows', async () => {
    const source = QueueUrl
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn.replace(/\d+$/, 'dead'), maxReceiveCount: 2 })
    const set = () =>
      call(() => client.send(new SetQueueAttributesCommand({ QueueUrl: source, Attributes: { RedrivePolicy } })))
    expect(await refusal(set())).toMatchObject({ name: 'InvalidParameterValue' })
    const dead = await create('queue-dead')
    await set()
    await send('poison')
    for (const _ of [1, 2]) expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1)
    expect(await receive()).toEqual([])
    const letters = await receive({ QueueUrl: dead, MessageSystemAttributeNames: ['All'] })
    expect(letters).toMatchObject([{ Body: 'poison', Attributes: { DeadLetterQueueSourceArn: arn } }])
    const sources = await call(() => client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead })))
    expect(sources.queueUrls).toEqual([source])
  })
})

describe('a batch', () => {
  it('succeeds and fails entry by entry', async () => {
    const Entries = [
      { Id: 'a', MessageBody: 'one' },
      { Id: 'b', MessageBody: 'two', DelaySeconds: 901 },
    ]
    const sent = await call(() => client.send(new SendMessageBatchCommand({ QueueUrl, Entries })))
    expect(sent.Successful).toMatchObject([{ Id: 'a' }])
    expect(sent.Failed).toMatchObject([{ Id: 'b', Code: 'InvalidParameterValue', SenderFault: true }])
    const [message] = await receive()
    const gone = {
      QueueUrl,
      Entries: [
        { Id: 'a', ReceiptHandle: message?.ReceiptHandle },
        { Id: 'b', ReceiptHandle: '?' },
      ],
    }
    const removed = await call(() => client.send(new DeleteMessageBatchCommand(gone)))
    expect(removed).toMatchObject({ Successful: [{ Id: 'a' }], Failed: [{ Id: 'b', Code: 'ReceiptHandleIsInvalid' }] })
  })

  it.each([
    [[], 'EmptyBatchRequest'],
    [Array.from({ length: 11 }, (_, at) => ({ Id: `${at}`, MessageBody: 'x' })), 'TooManyEntriesInBatchRequest'],
    [
      [
        { Id: 'a', MessageBody: 'x' },
        { Id: 'a', MessageBody: 'y' },
      ],
      'BatchEntryIdsNotDistinct',
    ],
    [[{ Id: 'a b', MessageBody: 'x' }], 'InvalidBatchEntryId'],
  ])('is refused as a whole: %j', async (Entries, name) => {
    const refused = call(() => client.send(new SendMessageBatchCommand({ QueueUrl, Entries })))
    expect(await refusal(refused)).toMatchObject({ name })
  })
})

describe('a queue', () => {
  it('is made once: the same settings find it, others are refused', async () => {
    const url = await create('once', { VisibilityTimeout: '40' })
    expect(await create('once', { VisibilityTimeout: '40' })).toBe(url)
    expect(await refusal(create('once', { VisibilityTimeout: '41' }))).toMatchObject({ name: 'QueueNameExists' })
    const found = await call(() => client.send(new GetQueueUrlCommand({ QueueName: 'once' })))
    expect(found.QueueUrl).toBe(url)
    const listed = await call(() => client.send(new ListQueuesCommand({ QueueNamePrefix: 'onc' })))
    expect(listed.QueueUrls).toEqual([url])
  })

  it.each([
    ['line.fifo', {}, 'UnsupportedOperation'],
    ['a b', {}, 'InvalidParameterValue'],
    ['fine', { FifoQueue: 'true' }, 'UnsupportedOperation'],
    ['fine', { VisibilityTimeout: '43201' }, 'InvalidAttributeValue'],
    ['fine', { Colour: 'red' }, 'InvalidAttributeName'],
  ])('named %s with %j is refused', async (name, attributes, code) => {
    expect(await refusal(create(name, attributes))).toMatchObject({ name: code })
  })

  it('that is encrypted can be used only while its key can', async () => {
    const Attributes = { KmsMasterKeyId: 'alias/mine' }
    await call(() => client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes })))
    expect(await refusal(send('x'))).toMatchObject({ name: 'KmsNotFound' })
    keys.set('alias/mine', 'Enabled')
    await send('x')
    keys.set('alias/mine', 'Disabled')
    expect(await refusal(receive())).toMatchObject({ name: 'KmsDisabled' })
    keys.set('alias/mine', 'Enabled')
    expect(await receive()).toHaveLength(1)
  })

  it('is purged at most once a minute', async () => {
    await send('x')
    await purge()
    expect(await counts()).toEqual(['0', '0', '0'])
    expect(await refusal(purge())).toMatchObject({ name: 'PurgeQueueInProgress' })
  })

  it('leaves its name taken for a minute after it was deleted', async () => {
    const name = QueueUrl.split('/').at(-1) ?? ''
    await call(() => client.send(new DeleteQueueCommand({ QueueUrl })))
    expect(await refusal(send('x'))).toMatchObject({ name: 'QueueDoesNotExist' })
    expect(await refusal(create(name))).toMatchObject({ name: 'QueueDeletedRecently' })
    await clock.sleep(60_000)
    expect(await create(name)).toBe(QueueUrl)
  })
})

it('keeps queues and messages, those in flight included, over a restart', async () => {
  await send('kept')
  await receive({ VisibilityTimeout: 30 })
  const after = createSqs(options)
  after.durable.restore(deserialize(serialize(sqs.durable.save())))
  const caller = { accountId: ACCOUNT_ID, region: REGION, arn: '', accessKeyId: 'test', requestId: '' }
  const again = () => after.service.operations['ReceiveMessage']!({ QueueUrl } as never, caller)
  expect(await again()).toEqual({})
  await clock.sleep(30_000)
  expect(await again()).toMatchObject({ Messages: [{ Body: 'kept' }] })
})
