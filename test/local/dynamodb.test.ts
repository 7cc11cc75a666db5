import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { autoClock } from '../../local/clock.ts'
import { startDynamodb } from '../../local/dynamodb/dynamodb.ts'
import type { Dynamodb } from '../../local/dynamodb/dynamodb.ts'
import { Faults } from '../../local/faults.ts'
import type { CallTarget } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { startWireServer } from '../../local/wire/server.ts'
import type { ObservedCall, WireServer } from '../../local/wire/server.ts'
import { AwsError } from '../../local/wire/service.ts'
import { sendSigned } from './signing.ts'
import { ADMINISTRATOR_KEYS } from './wire-account.ts'

const START_MS = Date.parse('2026-03-01T00:00:00Z')
const TableName = 'catalog'

const clock = autoClock(START_MS)
const faults = new Faults()
const calls: ObservedCall[] = []
let dynamodb: Dynamodb
let server: WireServer
let client: DynamoDBClient

const newClient = (accessKeyId: string) =>
  new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId, secretAccessKey: 'test' },
    maxAttempts: 1,
  })

beforeAll(async () => {
  dynamodb = await startDynamodb({ clock })
  server = await startWireServer({
    services: [],
    identify: createIdentities({ accountId: '111122223333' }).identify,
    region: 'eu-west-1',
    faults,
    clock,
    authorize({ operation, input }) {
      const isForbidden = operation === 'GetItem' && JSON.stringify(input).includes('secret')
      if (isForbidden) throw new AwsError('AccessDeniedException', 'You may not.')
    },
    proxy: { dynamodb: async () => ({ url: dynamodb.endpoint }) },
    onCall: (call) => calls.push(call),
  })
  client = newClient('test')
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  )
})

afterAll(async () => {
  client.destroy()
  await server.close()
  await dynamodb.close()
})

const put = (sk: string) =>
  client.send(
    new PutItemCommand({
      TableName,
      Item: { pk: { S: 'machine' }, sk: { S: sk } },
      ConditionExpression: 'attribute_not_exists(pk)',
    }),
  )

const get = (sk: string) =>
  client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'machine' }, sk: { S: sk } }, ConsistentRead: true }))

it('keeps items, checks conditions and answers queries through the door of the account', async () => {
  await put('point-1')
  await put('point-2')
  await expect(put('point-1')).rejects.toBeInstanceOf(ConditionalCheckFailedException)
  const { Items } = await client.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
      ExpressionAttributeValues: { ':pk': { S: 'machine' }, ':sk': { S: 'point-' } },
    }),
  )
  expect(Items?.map(({ sk }) => sk?.S)).toEqual(['point-1', 'point-2'])
})

it('shows passed-on calls to the observer, with what they were refused for', async () => {
  calls.length = 0
  await put('observed')
  await expect(put('observed')).rejects.toThrow('conditional')
  expect(calls).toMatchObject([
    { service: 'dynamodb', operation: 'PutItem', input: { TableName }, status: 200 },
    { operation: 'PutItem', status: 400, errorCode: 'ConditionalCheckFailedException' },
  ])
})

it('asks for permission and identity before it passes a call on', async () => {
  await expect(get('secret')).rejects.toMatchObject({ name: 'AccessDeniedException' })
  const stranger = newClient('AKIASTRANGER').send(new GetItemCommand({ TableName, Key: { pk: { S: 'x' } } }))
  await expect(stranger).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
})

const isPut = ({ operation }: CallTarget): boolean => operation === 'PutItem'

it('lets planned faults strike passed-on calls: one is refused undone, one done and never answered', async () => {
  faults.onCall(isPut, { kind: 'fail', code: 'ThrottlingException' })
  await expect(put('refused')).rejects.toMatchObject({ name: 'ThrottlingException' })
  expect((await get('refused')).Item).toBeUndefined()
  faults.onCall(isPut, { kind: 'loseAnswer' })
  await expect(put('lost')).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect((await get('lost')).Item).toBeDefined()
})

it('ends with the process that started it, even when that one is killed', async () => {
  const script = `
    import { startDynamodb } from '${new URL('../../local/dynamodb/dynamodb.ts', import.meta.url).href}'
    console.log((await startDynamodb()).endpoint)
    setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', script])
  const [printed] = (await once(owner.stdout, 'data')) as [Buffer]
  const port = Number(new URL(printed.toString().trim()).port)
  expect(await accepts(port)).toBe(true)
  owner.kill('SIGKILL')
  await expect.poll(() => accepts(port), { timeout: 10_000 }).toBe(false)
})

it('leaves nothing behind when closed', async () => {
  const other = await startDynamodb()
  const port = Number(new URL(other.endpoint).port)
  expect(await accepts(port)).toBe(true)
  await other.close()
  await other.close()
  expect(await accepts(port)).toBe(false)
})

/** Whether anything listens on a port of this machine. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

it.each([
  ['a GET', { method: 'GET' }, 404, 'UnknownOperationException'],
  ['another path', { path: '/tables' }, 404, 'UnknownOperationException'],
  ['plain text', { type: 'text/plain' }, 404, 'UnknownOperationException'],
  ['no operation', { target: '' }, 400, 'UnknownOperationException'],
  ['an operation without its service', { target: 'ListTables' }, 400, 'UnknownOperationException'],
  ['an operation of another service', { target: 'AWSStepFunctions.ListTables' }, 400, 'UnknownOperationException'],
  ['broken JSON', { body: '{' }, 400, 'SerializationException'],
  ['a list at the top', { body: '[]' }, 400, 'SerializationException'],
])('refuses %s as DynamoDB does', async (_, change, status, code) => {
  const asked = {
    method: 'POST',
    path: '/',
    target: 'DynamoDB_20120810.ListTables',
    type: 'application/x-amz-json-1.0',
  }
  const { method, path, target, type, body } = { ...asked, body: '{}', ...change }
  const headers = { 'content-type': type, ...(target ? { 'x-amz-target': target } : {}) }
  const scope = { keys: ADMINISTRATOR_KEYS, service: 'dynamodb', region: 'eu-west-1' }
  const sent = { method, path, headers, ...(method === 'GET' ? {} : { body }) }
  const answer = await sendSigned(server.endpoint, scope, sent)
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(code)])
})
