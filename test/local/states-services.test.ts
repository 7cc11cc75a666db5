/** Tasks that call other services as the role of their state machine, over the wire. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { CreateStateMachineCommand, SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import type { AwsEvent } from '../../local/wire/service.ts'

const REGION = 'eu-central-1'
const HOME = '111122223333'
const ROLE = `arn:aws:iam::${HOME}:role/worker`

let account: Account
let queueUrl: string
const events: AwsEvent[] = []

const settings = () => ({
  endpoint: account.endpoint,
  region: REGION,
  maxAttempts: 1,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})
const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
  account.events.observe((event) => events.push(event))
  const iam = new IAMClient(settings())
  const trust = { Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' }
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: trust })
  await call(() => iam.send(new CreateRoleCommand({ RoleName: 'worker', AssumeRolePolicyDocument })))
  const Action = ['ec2:*', 'dynamodb:*', 'sqs:SendMessage', 'sqs:GetQueueUrl', 'events:PutEvents', 'states:*']
  const statement = { Effect: 'Allow', Action, Resource: '*' }
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
  await call(() => iam.send(new PutRolePolicyCommand({ RoleName: 'worker', PolicyName: 'all', PolicyDocument })))
  const queue = await call(() => new SQSClient(settings()).send(new CreateQueueCommand({ QueueName: 'work' })))
  queueUrl = queue.QueueUrl ?? ''
  const table = new CreateTableCommand({
    TableName: 'items',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  })
  await call(() => new DynamoDBClient(settings()).send(table))
})
afterAll(() => account.close())

let count = 0
async function create(Resource: string, Arguments: object): Promise<string> {
  count += 1
  const States = { Call: { Type: 'Task', Resource, Arguments, End: true } }
  const definition = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'Call', States })
  const command = new CreateStateMachineCommand({ name: `m${count}`, roleArn: ROLE, definition })
  return (await call(() => new SFNClient(settings()).send(command))).stateMachineArn ?? ''
}

const start = async (resource: string, args: object): Promise<string> =>
  account.states.start(await create(`arn:aws:states:::${resource}`, args), {})
const run = async (resource: string, args: object) => account.states.waitFor(await start(resource, args))

describe('aws-sdk', () => {
  it('calls any operation as the role of the machine, with members in PascalCase and times as text (AWS facts C.4)', async () => {
    const made = await run('aws-sdk:ec2:createVolume', { AvailabilityZone: `${REGION}a`, Size: 1 })
    expect(made).toMatchObject({ status: 'SUCCEEDED', output: { Size: 1, CreateTime: '2026-11-23T00:00:00.000Z' } })
    const StateMachineArn = await create('arn:aws:states:::aws-sdk:sfn:listStateMachines', { MaxResults: 1 })
    const listed = await account.states.waitFor(account.states.start(StateMachineArn, {}))
    expect(listed.output).toMatchObject({ StateMachines: [{ Name: 'm1', Type: 'STANDARD' }] })
  })

  it('fails with the name of the service and the error, which ends with Exception; EC2 has one name for all (AWS facts C.4)', async () => {
    const missing = await run('aws-sdk:ec2:deleteVolume', { VolumeId: 'vol-0123456789abcdef0' })
    expect(missing).toMatchObject({ status: 'FAILED', error: 'Ec2.Ec2Exception' })
    expect(missing.cause).toContain('(Service: Ec2, Status Code: 400')
    const queue = await run('aws-sdk:sqs:getQueueUrl', { QueueName: 'absent' })
    expect(queue).toMatchObject({ error: 'Sqs.QueueDoesNotExistException' })
    const denied = await run('aws-sdk:kms:listKeys', {})
    expect(denied).toMatchObject({ error: 'Kms.KmsException' })
    expect(denied.cause).toContain(`assumed-role/worker/`)
  })

  it('takes the arguments of the operation, also of services that have an integration of their own', async () => {
    const listed = await run('aws-sdk:lambda:listFunctions', { MaxItems: 5 })
    expect(listed).toMatchObject({ error: 'Lambda.LambdaException' })
    expect(listed.cause).toContain('lambda:ListFunctions')
  })

  it('is refused with its definition when the operation, or one of its arguments, does not exist', async () => {
    await expect(create('arn:aws:states:::aws-sdk:ec2:flyAway', {})).rejects.toMatchObject({
      name: 'InvalidDefinition',
    })
    await expect(create('arn:aws:states:::aws-sdk:ec2:createVolume', { size: 1 })).rejects.toThrow(
      'The field "size" is not supported by Step Functions',
    )
    await expect(create('arn:aws:states:::aws-sdk:athena:listWorkGroups', {})).rejects.toThrow('not implemented')
  })
})

const item = (value: string) => ({ TableName: 'items', Item: { id: { S: 'a' }, value: { S: value } } })

describe('an optimised integration', () => {
  it('reads and writes items, and names errors as DynamoDB does (AWS facts C.4, E)', async () => {
    expect(await run('dynamodb:putItem', item('first'))).toMatchObject({
      output: { SdkHttpMetadata: { HttpStatusCode: 200 } },
    })
    expect(await run('dynamodb:getItem', { TableName: 'items', Key: { id: { S: 'a' } } })).toMatchObject({
      output: { Item: { value: { S: 'first' } } },
    })
    const again = { ...item('second'), ConditionExpression: 'attribute_not_exists(id)' }
    expect(await run('dynamodb:putItem', again)).toMatchObject({ error: 'DynamoDB.ConditionalCheckFailedException' })
    expect(await run('aws-sdk:dynamodb:putItem', again)).toMatchObject({
      error: 'DynamoDb.ConditionalCheckFailedException',
    })
  })

  it('sends a message with a task token and waits for its answer (AWS facts C.4)', async () => {
    const MessageBody = { token: '{% $states.context.Task.Token %}' }
    const arn = await start('sqs:sendMessage.waitForTaskToken', { QueueUrl: queueUrl, MessageBody })
    await account.clock.sleep(1000)
    const receive = new ReceiveMessageCommand({ QueueUrl: queueUrl })
    const { Messages: [message] = [] } = await call(() => new SQSClient(settings()).send(receive))
    const { token } = JSON.parse(message?.Body ?? '{}') as { token: string }
    const answer = new SendTaskSuccessCommand({ taskToken: token, output: '{"done":true}' })
    await call(() => new SFNClient(settings()).send(answer))
    expect(await account.states.waitFor(arn)).toMatchObject({ status: 'SUCCEEDED', output: { done: true } })
  })

  it('puts events that tell their execution and its machine', async () => {
    const Entries = [{ Source: 'ours', DetailType: 'it', Detail: { n: 1 } }]
    const arn = await start('events:putEvents', { Entries })
    expect(await account.states.waitFor(arn)).toMatchObject({ output: { FailedEntryCount: 0 } })
    await account.clock.sleep(1000)
    const [event] = events.filter(({ source }) => source === 'ours')
    expect(event).toMatchObject({ detail: { n: 1 }, resources: [arn, expect.stringContaining(':stateMachine:')] })
  })
})
