import { afterAll, beforeAll, expect, it } from 'vitest'
import { GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs'
import { autoClock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { createSqs } from '../../local/sqs/sqs.ts'
import { readModel } from '../../local/wire/model.ts'
import { startWireServer, type WireServer } from '../../local/wire/server.ts'
import { sendSigned } from './signing.ts'
import { ADMINISTRATOR_KEYS } from './wire-account.ts'

/** SQS as clients from before 2023 speak to it, Debian's `aws` among them: forms out, XML back. */
const REGION = 'eu-west-1'
let server: WireServer
let client: SQSClient

beforeAll(async () => {
  const clock = autoClock(Date.UTC(2026, 2, 1))
  const accountId = '111122223333'
  const sqs = createSqs({ clock, accountId, region: REGION, endpoint: () => server.endpoint })
  const { identify } = createIdentities({ accountId })
  server = await startWireServer({ services: [sqs.service], identify, region: REGION, faults: new Faults(), clock })
  client = new SQSClient({ endpoint: server.endpoint, region: REGION, credentials: ADMINISTRATOR_KEYS })
})
afterAll(async () => {
  client.destroy()
  await server.close()
})

async function ask(Action: string, parameters: Record<string, string>, keys = ADMINISTRATOR_KEYS, path = '/') {
  const body = new URLSearchParams({ Action, Version: '2012-11-05', ...parameters }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const answer = await sendSigned(
    server.endpoint,
    { keys, service: 'sqs', region: REGION },
    { method: 'POST', path, headers, body },
  )
  return { status: answer.status, text: await answer.text() }
}

/** The text of the first element of this name. */
const element = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]

it('takes queues and messages in forms and answers in XML, lists and maps flat', async () => {
  const made = await ask('CreateQueue', {
    QueueName: 'older',
    'Attribute.1.Name': 'VisibilityTimeout',
    'Attribute.1.Value': '7',
    'Tag.1.Key': 'owner',
    'Tag.1.Value': 'tests',
  })
  expect(made.text).toMatch(/^<\?xml [^>]+>\s*<CreateQueueResponse xmlns="http:\/\/queue\.amazonaws\.com\//)
  const QueueUrl = element(made.text, 'QueueUrl') ?? ''
  // These clients send to the queue's own address.
  const path = new URL(QueueUrl).pathname
  const shown = await ask(
    'GetQueueAttributes',
    { QueueUrl, 'AttributeName.1': 'VisibilityTimeout' },
    ADMINISTRATOR_KEYS,
    path,
  )
  expect(shown.text).toContain('<Attribute><Name>VisibilityTimeout</Name><Value>7</Value></Attribute>')
  const { text: tags } = await ask('ListQueueTags', { QueueUrl })
  expect(tags).toContain('<Tag><Key>owner</Key><Value>tests</Value></Tag>')
  const sent = await ask('SendMessageBatch', {
    QueueUrl,
    'SendMessageBatchRequestEntry.1.Id': 'a',
    'SendMessageBatchRequestEntry.1.MessageBody': 'hello & <goodbye>',
    'SendMessageBatchRequestEntry.1.MessageAttribute.1.Name': 'size',
    'SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType': 'Number',
    'SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue': '3',
  })
  expect(element(sent.text, 'SendMessageBatchResultEntry')).toBeUndefined()
  expect(sent.text).toMatch(/<SendMessageBatchResultEntry><Id>a<\/Id>/)
  const asked = { QueueUrl, 'AttributeName.1': 'All', 'MessageAttributeName.1': 'All' }
  const { text: received } = await ask('ReceiveMessage', asked)
  expect(received).toContain('<Body>hello &amp; &lt;goodbye&gt;</Body>')
  expect(received).toContain('<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>')
  expect(received).toMatch(/<MessageAttribute><Name>size<\/Name><Value>.*<StringValue>3<\/StringValue>.*<\/Value>/)
  const handle = element(received, 'ReceiptHandle') ?? ''
  expect((await ask('DeleteMessage', { QueueUrl, ReceiptHandle: handle })).status).toBe(200)
  expect((await ask('ListQueues', {})).text).toContain(`<QueueUrl>${QueueUrl}</QueueUrl>`)
})

it('refuses in XML with the older codes, which it tells newer clients too', async () => {
  const missing = await ask('GetQueueUrl', { QueueName: 'none' })
  expect(missing.status).toBe(400)
  expect(element(missing.text, 'Code')).toBe('AWS.SimpleQueueService.NonExistentQueue')
  expect(element(missing.text, 'Type')).toBe('Sender')
  const stranger = await ask('ListQueues', {}, { accessKeyId: 'nobody', secretAccessKey: 'test' })
  expect([stranger.status, element(stranger.text, 'Code')]).toEqual([403, 'InvalidClientTokenId'])
  await expect(client.send(new GetQueueUrlCommand({ QueueName: 'none' }))).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
    Code: 'AWS.SimpleQueueService.NonExistentQueue',
  })
})

const codes = async (sdk: Promise<object>, clientName: string) => readModel({ sdk: await sdk, clientName }).queryCodes

it('tells older codes for services alone that spoke the query protocol', async () => {
  expect((await codes(import('@aws-sdk/client-sqs'), 'SQSClient'))?.size).toBeGreaterThan(0)
  expect((await codes(import('@aws-sdk/client-iam'), 'IAMClient'))?.get('NoSuchEntityException')).toBe('NoSuchEntity')
  expect(await codes(import('@aws-sdk/client-kms'), 'KMSClient')).toBeUndefined()
})
