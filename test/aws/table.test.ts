import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterEach, expect, test } from 'vitest'
import { dynamodbTable } from '../../aws/table.ts'
import { startAnswers, type Answers } from './http-answers.ts'

let server: Answers | undefined
afterEach(() => server?.close())

const write = (sk: string) => ({ put: { pk: 'a', sk }, item: {} })

/** DynamoDB gives up a transaction of two writes, for these reasons. */
async function transactionCanceledFor(...codes: string[]) {
  const body = JSON.stringify({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
    CancellationReasons: codes.map((Code) => ({ Code })),
  })
  server = await startAnswers((_request, response) =>
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(body),
  )
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' },
    maxAttempts: 1,
  })
  return dynamodbTable(client, 'catalog').transact([write('1'), write('2')])
}

test.each(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])(
  'a transaction that is given up for %s is tried again later',
  async (code) => {
    await expect(transactionCanceledFor('None', code)).rejects.toMatchObject({
      name: 'AwsThrottled',
      message: expect.stringContaining(code),
    })
  },
)

test('a transaction whose condition fails says which', async () => {
  expect(await transactionCanceledFor('None', 'ConditionalCheckFailed')).toBe(1)
})

test('a condition that fails counts more than a conflict beside it', async () => {
  expect(await transactionCanceledFor('ConditionalCheckFailed', 'TransactionConflict')).toBe(0)
})

test('a transaction that is given up for a mistake of ours is not tried again', async () => {
  await expect(transactionCanceledFor('None', 'ValidationError')).rejects.toMatchObject({ name: 'UnexpectedAwsError' })
})
