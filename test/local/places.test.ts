import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { CreateVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'

const OTHER_ACCOUNT = '444455556666'

let account: Account
beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
})
afterAll(() => account.close())

/** Settings of a client in a place; the home account and Region unless told. */
const settings = (accountId = 'test', region = account.region) => ({
  endpoint: account.endpoint,
  region,
  credentials: { accessKeyId: accountId, secretAccessKey: 'test' },
})

const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

async function volumesIn(client: EC2Client): Promise<number> {
  const { Volumes } = await call(() => client.send(new DescribeVolumesCommand({})))
  return Volumes?.length ?? 0
}

describe('accounts and Regions of one process', () => {
  it('keeps what is made in one Region, or by one account, out of the others', async () => {
    const here = new EC2Client(settings())
    const otherRegion = new EC2Client(settings('test', 'us-east-1'))
    const otherAccount = new EC2Client(settings(OTHER_ACCOUNT))
    await call(() =>
      otherRegion.send(new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' })),
    )
    expect(await volumesIn(here)).toBe(0)
    expect(await volumesIn(otherRegion)).toBe(1)
    expect(await volumesIn(otherAccount)).toBe(0)
  })

  it('takes an access key that is an account id for its administrator', async () => {
    const identity = await call(() => new STSClient(settings(OTHER_ACCOUNT)).send(new GetCallerIdentityCommand({})))
    expect(identity.Account).toBe(OTHER_ACCOUNT)
    expect(identity.Arn).toBe(`arn:aws:iam::${OTHER_ACCOUNT}:user/administrator`)
  })

  it('gives each Region its own tables', async () => {
    const here = new DynamoDBClient(settings())
    const there = new DynamoDBClient(settings('test', 'eu-west-1'))
    await call(() =>
      there.send(
        new CreateTableCommand({
          TableName: 'only-there',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
        }),
      ),
    )
    expect((await call(() => here.send(new ListTablesCommand({})))).TableNames).toEqual([])
    expect((await call(() => there.send(new ListTablesCommand({})))).TableNames).toEqual(['only-there'])
  })

  it('refuses a Region that does not exist', async () => {
    const nowhere = new EC2Client(settings('test', 'eu-nowhere-1'))
    await expect(call(() => nowhere.send(new DescribeVolumesCommand({})))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    })
    expect(() => account.at(OTHER_ACCOUNT, 'eu-nowhere-1')).toThrow('There is no Region eu-nowhere-1.')
  })
})
