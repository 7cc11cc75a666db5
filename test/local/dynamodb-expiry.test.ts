import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

/** Long before the time of the machine, by which everything here would have expired. */
const START_MS = Date.UTC(2026, 2, 1)
const HOUR_MS = 3_600_000
const YEAR_SECONDS = 365 * 24 * 3600
const TableName = 'items'

let account: Account
let client: DynamoDBClient

beforeAll(async () => {
  account = await startAccount({ clock: manualClock(START_MS) })
  const { endpoint, region, credentials } = account
  client = new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 1 })
  await create()
})
afterAll(() => account.close())
beforeEach(() => account.clock.advance(2 * HOUR_MS))

const create = () =>
  client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  )
const update = (Enabled: boolean, AttributeName = 'ends', table = TableName) =>
  client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification: { Enabled, AttributeName } }))
const status = async () => (await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription
const put = (id: string, ends: { N: string } | { S: string }) =>
  client.send(new PutItemCommand({ TableName, Item: { id: { S: id }, ends } }))
const ids = async () => (await client.send(new ScanCommand({ TableName }))).Items?.map(({ id }) => id?.S).toSorted()
const inSeconds = (seconds: number) => ({ N: String(Math.floor(account.clock.now() / 1000) + seconds) })

it('takes an hour to be there, and no other change meanwhile (AWS facts E)', async () => {
  expect(await status()).toEqual({ TimeToLiveStatus: 'DISABLED' })
  await expect(update(false)).rejects.toMatchObject({ name: 'ValidationException' })
  await update(true)
  expect(await status()).toEqual({ TimeToLiveStatus: 'ENABLING', AttributeName: 'ends' })
  await expect(update(false)).rejects.toMatchObject({ message: expect.stringContaining('multiple times') })
  await account.clock.advance(HOUR_MS)
  expect(await status()).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'ends' })
  await expect(update(true)).rejects.toMatchObject({ message: 'TimeToLive is already enabled' })
  await expect(update(false, 'other')).rejects.toMatchObject({ message: expect.stringContaining('ends') })
  await expect(update(true, 'ends', 'absent')).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
})

it('deletes what has expired by the time of the account, some hours later, and nothing else', async () => {
  await put('soon', inSeconds(3600))
  await put('later', inSeconds(40 * 3600))
  await put('text', { S: '1' })
  await put('ancient', inSeconds(-6 * YEAR_SECONDS))
  await account.clock.advance(HOUR_MS)
  expect(await ids()).toEqual(['ancient', 'later', 'soon', 'text'])
  await account.clock.advance(12 * HOUR_MS)
  expect(await ids()).toEqual(['ancient', 'later', 'text'])
  await account.clock.advance(48 * HOUR_MS)
  expect(await ids()).toEqual(['ancient', 'text'])
})

it('ends when it is disabled, and with its table', async () => {
  await update(false)
  expect(await status()).toEqual({ TimeToLiveStatus: 'DISABLING', AttributeName: 'ends' })
  await put('kept', inSeconds(60))
  await account.clock.advance(24 * HOUR_MS)
  expect(await ids()).toContain('kept')
  await update(true)
  await client.send(new DeleteTableCommand({ TableName }))
  await create()
  expect(await status()).toEqual({ TimeToLiveStatus: 'DISABLED' })
  await put('new', inSeconds(-60))
  await account.clock.advance(24 * HOUR_MS)
  expect(await ids()).toEqual(['new'])
})
