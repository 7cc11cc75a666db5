import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { CreateVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam'
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { savedTimeMs, startAccount, type Account } from '../../local/account.ts'
import { manualClock } from '../../local/clock.ts'

const data = mkdtempSync(join(tmpdir(), 'account-data-'))
afterAll(() => rmSync(data, { recursive: true, force: true }))

const STARTED_AT_MS = Date.UTC(2026, 10, 23)
/** The execution's wait: it ends in the second life of the account. */
const WAIT_SECONDS = 600

const start = (): Promise<Account> =>
  startAccount({ data, clock: manualClock(savedTimeMs(data) ?? STARTED_AT_MS), limits: 'none' })

const clients = ({ endpoint, region, credentials }: Account) => ({
  dynamodb: new DynamoDBClient({ endpoint, region, credentials }),
  ec2: new EC2Client({ endpoint, region, credentials }),
  iam: new IAMClient({ endpoint, region, credentials }),
  sfn: new SFNClient({ endpoint, region, credentials }),
})

const key = { pk: { S: 'machine' } }

it('goes on where it ended: volumes, tables, roles, and an execution in the middle of its wait', async () => {
  const first = await start()
  expect(first.isRestored).toBe(false)
  const before = clients(first)
  const { VolumeId = '' } = await before.ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: `${first.region}a`, Size: 1, VolumeType: 'gp3' }),
  )
  await before.dynamodb.send(
    new CreateTableCommand({
      TableName: 'kept',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  await before.dynamodb.send(new PutItemCommand({ TableName: 'kept', Item: { ...key, state: { S: 'as it was' } } }))
  const trust = { Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const { Role } = await before.iam.send(
    new CreateRoleCommand({
      RoleName: 'waiter',
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    }),
  )
  const { stateMachineArn } = await before.sfn.send(
    new CreateStateMachineCommand({
      name: 'waits',
      roleArn: Role?.Arn,
      definition: JSON.stringify({
        QueryLanguage: 'JSONata',
        StartAt: 'Wait',
        States: { Wait: { Type: 'Wait', Seconds: WAIT_SECONDS, End: true } },
      }),
    }),
  )
  const { executionArn } = await before.sfn.send(new StartExecutionCommand({ stateMachineArn, input: '{"n":1}' }))
  await first.clock.advance((WAIT_SECONDS / 2) * 1000)
  await first.close()

  const second = await start()
  const after = clients(second)
  expect(second.isRestored).toBe(true)
  expect(second.clock.now()).toBe(STARTED_AT_MS + (WAIT_SECONDS / 2) * 1000)
  const { Volumes } = await after.ec2.send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }))
  expect(Volumes?.[0]?.State).toBe('available')
  const { Item } = await after.dynamodb.send(new GetItemCommand({ TableName: 'kept', Key: key }))
  expect(Item?.['state']?.S).toBe('as it was')
  expect((await after.sfn.send(new DescribeExecutionCommand({ executionArn }))).status).toBe('RUNNING')
  await second.clock.advance((WAIT_SECONDS / 2) * 1000)
  expect(await after.sfn.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
    status: 'SUCCEEDED',
    output: '{"n":1}',
  })
  await second.close()
})
