/** What services do in a role's name, or in their own: asked like any call (AWS facts H). */
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam'
import { CreateKeyCommand, KMSClient, PutKeyPolicyCommand } from '@aws-sdk/client-kms'
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn'
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler'
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { deserialize, serialize } from 'node:v8'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import { createIam } from '../../local/iam/iam.ts'
import { createIdentities } from '../../local/identities.ts'

const REGION = 'eu-central-1'
const HOME = '111122223333'
const MACHINES = `arn:aws:states:${REGION}:${HOME}:stateMachine`

let account: Account
beforeAll(async () => {
  account = await startAccount({ clock: autoClock(Date.UTC(2026, 10, 23)) })
})
afterAll(() => account.close())

const settings = () => ({
  endpoint: account.endpoint,
  region: REGION,
  maxAttempts: 1,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})
const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

async function newRole(RoleName: string, principal: object, condition = {}): Promise<string> {
  const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', Condition: condition }
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
  await call(() => new IAMClient(settings()).send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument })))
  return `arn:aws:iam::${HOME}:role/${RoleName}`
}

async function trust(RoleName: string, principal: object): Promise<void> {
  const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
  await call(() => new IAMClient(settings()).send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument })))
}

async function allow(RoleName: string, Action: string | string[], Resource: string): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource } })
  const put = new PutRolePolicyCommand({
    RoleName,
    PolicyName: `allow-${String(Action)}`.replace(/[^\w-]/g, '-'),
    PolicyDocument,
  })
  await call(() => new IAMClient(settings()).send(put))
}

async function machine(name: string, roleArn: string, state: object): Promise<string> {
  const definition = JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: 'One',
    States: { One: { ...state, End: true } },
  })
  const create = new CreateStateMachineCommand({ name, roleArn, definition })
  await call(() => new SFNClient(settings()).send(create))
  return `${MACHINES}:${name}`
}

const newSchedule = (RoleArn: string) => {
  const Target = { Arn: `${MACHINES}:other`, RoleArn }
  const FlexibleTimeWindow = { Mode: 'OFF' as const }
  const schedule = { Name: 'never', ScheduleExpression: 'rate(1 day)', FlexibleTimeWindow, Target }
  return call(() => new SchedulerClient(settings()).send(new CreateScheduleCommand(schedule)))
}

const run = (arn: string) => account.states.waitFor(account.states.start(arn, {}))

describe('a state machine', () => {
  it('starts another by the permission of its role alone', async () => {
    const trusted = await newRole(
      'parent',
      { Service: 'states.amazonaws.com' },
      { ArnLike: { 'aws:SourceArn': `${MACHINES}:parent` } },
    )
    const child = await machine('child', await newRole('child', { Service: 'states.amazonaws.com' }), { Type: 'Pass' })
    const task = {
      Type: 'Task',
      Resource: 'arn:aws:states:::states:startExecution',
      Arguments: { StateMachineArn: child },
    }
    const parent = await machine('parent', trusted, task)
    expect(await run(parent)).toMatchObject({
      status: 'FAILED',
      error: 'StepFunctions.AWSStepFunctionsException',
      cause: expect.stringContaining(
        `is not authorized to perform: states:StartExecution on resource: ${child}`,
      ) as string,
    })
    await allow('parent', 'states:StartExecution', child)
    expect(await run(parent)).toMatchObject({ status: 'SUCCEEDED' })
    await trust('parent', { Service: 'events.amazonaws.com' })
    expect(await run(parent)).toMatchObject({
      status: 'FAILED',
      cause: expect.stringContaining('states.amazonaws.com is not authorized to perform: sts:AssumeRole') as string,
    })
  })
})

describe('a role that does not trust the service it is handed to', () => {
  let role: string
  beforeAll(async () => {
    role = await newRole('foreign', { Service: 'backup.amazonaws.com' })
  })

  it('makes no state machine, nor one of another source than it names', async () => {
    const pass = { Type: 'Pass' }
    await expect(machine('never', role, pass)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('is authorized to assume the provided role') as string,
    })
    const only = { ArnLike: { 'aws:SourceArn': `${MACHINES}:other` } }
    const narrow = await newRole('narrow', { Service: 'states.amazonaws.com' }, only)
    await expect(machine('never', narrow, pass)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(machine('other', narrow, pass)).resolves.toBe(`${MACHINES}:other`)
  })

  it('makes no schedule: its group must be let in (AWS facts D.1)', async () => {
    await expect(newSchedule(role)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('must allow AWS EventBridge Scheduler to assume the role') as string,
    })
    const group = `arn:aws:scheduler:${REGION}:${HOME}:schedule-group/default`
    const trusted = { StringEquals: { 'aws:SourceArn': group, 'aws:SourceAccount': HOME } }
    await expect(
      newSchedule(await newRole('grouped', { Service: 'scheduler.amazonaws.com' }, trusted)),
    ).resolves.toBeDefined()
  })

  it('is no target’s of a rule, and no function’s', async () => {
    const events = new EventBridgeClient(settings())
    await call(() => events.send(new PutRuleCommand({ Name: 'them', EventPattern: '{"source":["them"]}' })))
    const Targets = [{ Id: 'm', Arn: `${MACHINES}:other`, RoleArn: role }]
    const put = call(() => events.send(new PutTargetsCommand({ Rule: 'them', Targets })))
    await expect(put).rejects.toThrow(`Provided role '${role}' cannot be assumed by principal 'events.amazonaws.com'`)
    const settled = { codeDirectory: '/', handler: 'index.handler', environment: {}, runtime: 'nodejs24.x' }
    const register = () =>
      account.lambda.register({ ...settled, name: 'never', roleArn: role, timeoutSeconds: 3, memoryMiB: 128 })
    expect(register).toThrow('The role defined for the function cannot be assumed by Lambda.')
  })
})

it('needs the key of an encrypted queue for a message (AWS facts G)', async () => {
  const role = await newRole('sender', { AWS: HOME })
  const { KeyMetadata: key } = await call(() => new KMSClient(settings()).send(new CreateKeyCommand({})))
  const queue = new CreateQueueCommand({ QueueName: 'secret', Attributes: { KmsMasterKeyId: key?.KeyId ?? '' } })
  const { QueueUrl } = await call(() => new SQSClient(settings()).send(queue))
  await allow('sender', 'sqs:SendMessage', `arn:aws:sqs:${REGION}:${HOME}:secret`)
  const assume = new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'one' })
  const { Credentials: keys } = await call(() => new STSClient(settings()).send(assume))
  const credentials = {
    accessKeyId: keys?.AccessKeyId ?? '',
    secretAccessKey: keys?.SecretAccessKey ?? '',
    sessionToken: keys?.SessionToken ?? '',
  }
  const sqs = new SQSClient({ ...settings(), credentials })
  const send = () => call(() => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })))
  await expect(send()).rejects.toThrow(`kms:GenerateDataKey on resource: ${key?.Arn}`)
  await allow('sender', ['kms:GenerateDataKey', 'kms:Decrypt'], key?.Arn ?? '')
  await expect(send()).resolves.toBeDefined()
})

describe('a queue with a key of the customer’s', () => {
  const QUEUE = `arn:aws:sqs:${REGION}:${HOME}:letters`
  const SECOND_MS = 1000
  let key = { id: '', arn: '' }
  let waiting: () => Promise<number>

  const keyPolicy = (...services: string[]) => [
    { Effect: 'Allow', Principal: { AWS: HOME }, Action: 'kms:*', Resource: '*' },
    ...services.map((Service) => ({
      Effect: 'Allow',
      Principal: { Service },
      Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
      Resource: '*',
    })),
  ]
  async function letServicesUseKey(...services: string[]): Promise<void> {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: keyPolicy(...services) })
    await call(() => new KMSClient(settings()).send(new PutKeyPolicyCommand({ KeyId: key.id, Policy })))
  }

  beforeAll(async () => {
    const { KeyMetadata: made } = await call(() => new KMSClient(settings()).send(new CreateKeyCommand({})))
    key = { id: made?.KeyId ?? '', arn: made?.Arn ?? '' }
    const Principal = { Service: 'events.amazonaws.com' }
    const Statement = { Effect: 'Allow', Principal, Action: 'sqs:SendMessage', Resource: QUEUE }
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
    const Attributes = { KmsMasterKeyId: key.id, Policy }
    const sqs = new SQSClient(settings())
    const { QueueUrl } = await call(() => sqs.send(new CreateQueueCommand({ QueueName: 'letters', Attributes })))
    waiting = async () => {
      const AttributeNames = ['ApproximateNumberOfMessages' as const]
      const read = new GetQueueAttributesCommand({ QueueUrl, AttributeNames })
      return Number((await call(() => sqs.send(read))).Attributes?.ApproximateNumberOfMessages)
    }
  })

  it('takes what a rule sends only if its key lets EventBridge in (AWS facts D.2, G)', async () => {
    const events = new EventBridgeClient(settings())
    const put = () =>
      call(() => events.send(new PutEventsCommand({ Entries: [{ Source: 'us', DetailType: 'it', Detail: '{}' }] })))
    await call(() => events.send(new PutRuleCommand({ Name: 'us', EventPattern: '{"source":["us"]}' })))
    await call(() => events.send(new PutTargetsCommand({ Rule: 'us', Targets: [{ Id: 'q', Arn: QUEUE }] })))
    await put()
    await account.clock.sleep(SECOND_MS)
    expect(await waiting()).toBe(0)
    expect(account.events.undelivered.at(-1)?.reason).toContain(`kms:GenerateDataKey on resource: ${key.arn}`)
    await letServicesUseKey('events.amazonaws.com')
    await put()
    await account.clock.sleep(SECOND_MS)
    expect(await waiting()).toBe(1)
  })

  it('takes the dead letter of a schedule only if the role may use its key (AWS facts D.1, G)', async () => {
    const RoleArn = await newRole('letters', { Service: 'scheduler.amazonaws.com' })
    await allow('letters', 'sqs:SendMessage', QUEUE)
    const fire = async (Name: string): Promise<void> => {
      const Arn = `arn:aws:lambda:${REGION}:${HOME}:function:gone`
      const Target = { Arn, RoleArn, DeadLetterConfig: { Arn: QUEUE } }
      const FlexibleTimeWindow = { Mode: 'OFF' as const }
      const schedule = { Name, ScheduleExpression: 'rate(1 hour)', FlexibleTimeWindow, Target }
      await call(() => new SchedulerClient(settings()).send(new CreateScheduleCommand(schedule)))
      await account.clock.sleep(SECOND_MS)
    }
    const before = await waiting()
    await fire('without')
    expect(account.scheduler.undelivered.at(-1)?.lostBecause).toContain('kms:GenerateDataKey')
    expect(await waiting()).toBe(before)
    await allow('letters', ['kms:GenerateDataKey', 'kms:Decrypt'], key.arn)
    await fire('with')
    expect(account.scheduler.undelivered.at(-1)?.lostBecause).toBeUndefined()
    expect(await waiting()).toBe(before + 1)
  })
})

it('keeps roles, policies and sessions over a restart', () => {
  const { clock } = account
  const before = createIdentities({ accountId: HOME })
  const iam = createIam({ clock, identities: before })
  const administrator = { accountId: HOME, region: REGION, arn: '', accessKeyId: 'test', requestId: '' }
  const operate = (name: string, input: object) => iam.service.operations[name]?.(input as never, administrator)
  const statement = { Effect: 'Allow', Principal: { AWS: HOME }, Action: 'sts:AssumeRole' }
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statement })
  operate('CreateRole', { RoleName: 'kept', AssumeRolePolicyDocument })
  const allowed = { Effect: 'Allow', Action: 'ec2:DescribeVolumes', Resource: '*' }
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: allowed })
  operate('PutRolePolicy', { RoleName: 'kept', PolicyName: 'describe', PolicyDocument })
  const arn = `arn:aws:sts::${HOME}:assumed-role/kept/one`
  const { accessKeyId } = before.session({ arn, accountId: HOME, issuedMs: 0, expiresMs: 1 })

  const after = createIdentities({ accountId: HOME })
  const restored = createIam({ clock, identities: after })
  after.durable.restore(deserialize(serialize(before.durable.save())))
  restored.durable.restore(deserialize(serialize(iam.durable.save())))
  expect(after.identify(accessKeyId)).toMatchObject({ arn, expiresMs: 1 })
  const caller = { ...administrator, arn, accessKeyId }
  const ask = (action: string) => () => restored.authorize('ec2', caller, [{ action, resource: '*', context: {} }])
  expect(ask('ec2:DescribeVolumes')).not.toThrow()
  expect(ask('ec2:DescribeInstances')).toThrow('ec2:DescribeInstances')
})
