/** What DynamoDB refuses, whoever asks: limits, transactions, protection. */
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDynamodb, type Dynamodb } from '../../local/dynamodb/dynamodb.ts'

const TableName = 'items'
const KIB = 1024
const INVALID = { name: 'ValidationException' }

let server: Dynamodb
let client: DynamoDBClient

const item = (id: string, sizeBytes = 1) => ({ id: { S: id }, v: { S: 'x'.repeat(sizeBytes) } })
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const put = (id: string, sizeBytes = 1) => client.send(new PutItemCommand({ TableName, Item: item(id, sizeBytes) }))
const transact = (TransactItems: TransactWriteItem[], ClientRequestToken?: string) =>
  client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken }))
const putting = (id: string, more: object = {}): TransactWriteItem => ({ Put: { TableName, Item: item(id), ...more } })

const writeBatch = (count: number) => {
  const requests = many(count, (at) => ({ PutRequest: { Item: item(`b${at}`) } }))
  return client.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }))
}
const readBatch = (count: number) => {
  const Keys = many(count, (at) => ({ id: { S: `b${at}` } }))
  return client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }))
}

beforeAll(async () => {
  server = await startDynamodb()
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = new DynamoDBClient({ endpoint: server.endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 })
  const table = new CreateTableCommand({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  })
  await client.send(table)
})
afterAll(() => server.close())

describe('sizes (AWS facts E)', () => {
  it('an item has 400 KiB at most, the names of its attributes included', async () => {
    await expect(put('a', 400 * KIB - 'idav'.length)).resolves.toBeDefined()
    await expect(put('a', 400 * KIB - 'idav'.length + 1)).rejects.toMatchObject(INVALID)
  })

  it('a partition key has 2,048 bytes at most', async () => {
    await expect(put('k'.repeat(2048))).resolves.toBeDefined()
    await expect(put('k'.repeat(2049))).rejects.toMatchObject(INVALID)
  })

  it('a batch writes 25 items and reads 100', async () => {
    await expect(writeBatch(25)).resolves.toBeDefined()
    await expect(writeBatch(26)).rejects.toMatchObject(INVALID)
    await expect(readBatch(100)).resolves.toBeDefined()
    await expect(readBatch(101)).rejects.toMatchObject(INVALID)
  })
})

describe('a transaction (AWS facts E)', () => {
  it('has 100 actions at most, on different items, of 4 MiB together', async () => {
    await expect(transact(many(100, (at) => putting(`t${at}`)))).resolves.toBeDefined()
    await expect(transact(many(101, (at) => putting(`t${at}`)))).rejects.toMatchObject(INVALID)
    await expect(transact([putting('twice'), putting('twice')])).rejects.toMatchObject(INVALID)
    const large = many(12, (at) => putting(`l${at}`, { Item: item(`l${at}`, 390 * KIB) }))
    await expect(transact(large)).rejects.toMatchObject(INVALID)
  })

  it('that is cancelled does nothing, and tells the reason of each action in order', async () => {
    const taken = putting('t0', { ConditionExpression: 'attribute_not_exists(id)' })
    const error = await transact([putting('never'), taken]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TransactionCanceledException)
    expect(error).toMatchObject({ CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }] })
    const read = new GetItemCommand({ TableName, Key: { id: { S: 'never' } } })
    expect((await client.send(read)).Item).toBeUndefined()
  })

  it('with the token of another is refused, and is done once with its own', async () => {
    await transact([putting('once')], 'token')
    await expect(transact([putting('once')], 'token')).resolves.toBeDefined()
    const other = transact([putting('other')], 'token')
    await expect(other).rejects.toMatchObject({ name: 'IdempotentParameterMismatchException' })
  })
})

it('a protected table is not deleted, and what this account has not is refused (AWS facts E)', async () => {
  const recovery = { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }
  const enable = client.send(new UpdateContinuousBackupsCommand({ TableName, ...recovery }))
  await expect(enable).rejects.toMatchObject({ name: 'UnknownOperationException' })
  const remove = () => client.send(new DeleteTableCommand({ TableName }))
  await expect(remove()).rejects.toMatchObject(INVALID)
  await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }))
  await expect(remove()).resolves.toBeDefined()
})
