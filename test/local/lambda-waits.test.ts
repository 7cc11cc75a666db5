import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import { FunctionBundles } from './function-bundles.ts'

/** A function that waits for an answer of AWS does not keep the time standing for which that answer waits. */
const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
/** Empty after one call, and full again in the shortest time that a back-off may take. */
const SMALL = { capacity: 1, refillPerSecond: 1000 }

const bundles = new FunctionBundles()
let account: Account
let queueUrl: string
const throttled: string[] = []
/** Codes of all refusals, in their order. */
const refused: (string | undefined)[] = []

const statement = (statement: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', ...statement } })
const settings = () => {
  const { endpoint, region, credentials } = account
  return { endpoint, region, credentials }
}
const call = <T>(work: () => Promise<T>): Promise<T> => account.clock.holding(work)

beforeAll(async () => {
  account = await startAccount({
    clock: autoClock(Date.UTC(2026, 10, 23)),
    limits: { 'ec2:DescribeSnapshots/unfiltered': SMALL },
    onCall: ({ operation, errorCode }) => {
      if (errorCode) refused.push(errorCode)
      if (errorCode === 'RequestLimitExceeded') throttled.push(operation)
    },
  })
  await call(async () => {
    const iam = new IAMClient(settings())
    const Service = ['lambda', 'states', 'events'].map((service) => `${service}.amazonaws.com`)
    const AssumeRolePolicyDocument = statement({ Principal: { Service }, Action: 'sts:AssumeRole' })
    await iam.send(new CreateRoleCommand({ RoleName: 'worker', AssumeRolePolicyDocument }))
    const PolicyDocument = statement({ Action: '*', Resource: '*' })
    await iam.send(new PutRolePolicyCommand({ RoleName: 'worker', PolicyName: 'all', PolicyDocument }))
    const made = await new SQSClient(settings()).send(new CreateQueueCommand({ QueueName: 'work' }))
    queueUrl = made.QueueUrl ?? ''
  })
})
afterEach(() => {
  expect(account.faults.unused).toBe(0)
  throttled.length = 0
  refused.length = 0
})
afterAll(async () => {
  await account.close()
  bundles[Symbol.dispose]()
})

const roleArn = (): string => `arn:aws:iam::${account.accountId}:role/worker`

/** A function with clients of the SDK, unmodified: `ec2`, `sqs`, `lambda`. */
function register(name: string, body: string, timeoutSeconds = 900): string {
  const sdk = ['EC2', 'SQS', 'Lambda'].map((client) => {
    const module = import.meta.resolve(`@aws-sdk/client-${client.toLowerCase()}`)
    return `import { ${client} } from '${module}'; const ${client.toLowerCase()} = new ${client}({})`
  })
  const code = `${sdk.join('\n')}
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
    export const handler = async (event) => { ${body} }`
  return account.lambda.register(
    bundles.configuration(name, code, { roleArn: roleArn(), timeoutSeconds, memoryMiB: 512 }),
  )
}

/** What a body answered, and how much virtual time it took. */
async function timed(name: string, body: string, timeoutSeconds?: number) {
  const startMs = account.clock.now()
  const result = await account.lambda.invoke(register(name, body, timeoutSeconds), { queueUrl })
  return { ...result, tookMs: account.clock.now() - startMs }
}

const delayVolumes = (delayMs: number): unknown =>
  account.faults.onCall(({ operation }) => operation === 'DescribeVolumes', { kind: 'delay', delayMs })

test('a call of a function that is refused is made once: its client and the answer have one clock', async () => {
  const { payload } = await timed(
    'refused',
    `const codes = []
     for (let n = 0; n < 3; n++) await ec2.describeVolumes({ VolumeIds: ['vol-0123456789abcdef0'] }).catch((e) => codes.push(e.name))
     await sleep(600000)
     await ec2.describeVolumes({ VolumeIds: ['vol-0123456789abcdef0'] }).catch((e) => codes.push(e.name))
     return codes`,
  )
  expect(payload).toEqual(Array(4).fill('InvalidVolume.NotFound'))
  expect(refused).toEqual(payload)
})

describe('a function whose call is answered late', () => {
  test('waits for it in virtual time', async () => {
    delayVolumes(10 * MINUTE_MS)
    const { payload, tookMs } = await timed(
      'late',
      'const began = Date.now(); await ec2.describeVolumes({}); return Date.now() - began',
    )
    expect(tookMs).toBe(10 * MINUTE_MS)
    expect(Number(payload)).toBeGreaterThanOrEqual(10 * MINUTE_MS)
  })

  test('may give up first: whichever comes first by virtual time wins', async () => {
    delayVolumes(10 * MINUTE_MS)
    const { payload, tookMs } = await timed(
      'race',
      `const call = ec2.describeVolumes({}).then(() => 'answer')
       const first = await Promise.race([call, sleep(5000).then(() => 'timer')])
       return [first, await call]`,
    )
    expect(payload).toEqual(['timer', 'answer'])
    expect(tookMs).toBe(10 * MINUTE_MS)
  })

  test('goes on with other calls meanwhile', async () => {
    delayVolumes(MINUTE_MS)
    const { payload, tookMs } = await timed(
      'both',
      `const slow = ec2.describeVolumes({})
       for (let n = 0; n < 3; n++) { await ec2.describeInstances({}); await sleep(1000) }
       await slow
       return 'done'`,
    )
    expect([payload, tookMs]).toEqual(['done', MINUTE_MS])
  })

  test('times out in virtual time when it takes longer than the function may (AWS facts C.5)', async () => {
    delayVolumes(10 * MINUTE_MS)
    const { errorType, errorMessage, tookMs } = await timed('overdue', 'await ec2.describeVolumes({})', 60)
    expect([errorType, tookMs]).toEqual(['Sandbox.Timedout', MINUTE_MS])
    expect(errorMessage).toContain('Task timed out after 60.00 seconds')
  })
})

test('a function polls a queue for as long as it asked to, or until a message comes', async () => {
  const poll = 'return (await sqs.receiveMessage({ QueueUrl: event.queueUrl, WaitTimeSeconds: 20 })).Messages?.[0].Body'
  expect(await timed('poll', poll)).toMatchObject({ payload: null, tookMs: 20 * SECOND_MS })
  account.clock.after(7 * SECOND_MS, () =>
    account.sqs.send(`arn:aws:sqs:${account.region}:${account.accountId}:work`, 'hello'),
  )
  expect(await timed('poll', poll)).toMatchObject({ payload: 'hello', tookMs: 7 * SECOND_MS })
})

test("the SDK's own retries wait until the bucket has a token again (AWS facts A.20)", async () => {
  const { ok, tookMs } = await timed('retries', 'for (let n = 0; n < 5; n++) await ec2.describeSnapshots({})')
  expect(ok).toBe(true)
  expect(throttled.length).toBeGreaterThanOrEqual(4)
  expect(tookMs).toBeGreaterThanOrEqual(4)
})

test('a function that waits for another one lets it sleep', async () => {
  register('inner', "await sleep(60_000); return 'rested'")
  const { payload, tookMs } = await timed(
    'outer',
    "return JSON.parse((await lambda.invoke({ FunctionName: 'inner' })).Payload.transformToString())",
  )
  expect([payload, tookMs]).toEqual(['rested', MINUTE_MS])
})

test('a function behind a rule may sleep (AWS facts D.2)', async () => {
  const arn = register('ruled', "await sleep(60_000); console.log('ended')")
  const events = new EventBridgeClient(settings())
  await call(async () => {
    await events.send(new PutRuleCommand({ Name: 'wake', EventPattern: JSON.stringify({ source: ['test'] }) }))
    await events.send(new PutTargetsCommand({ Rule: 'wake', Targets: [{ Id: 'f', Arn: arn, RoleArn: roleArn() }] }))
    await events.send(new PutEventsCommand({ Entries: [{ Source: 'test', DetailType: 'any', Detail: '{}' }] }))
  })
  await account.clock.sleep(2 * MINUTE_MS)
  expect(account.lambda.logs('ruled').filter((line) => line.endsWith('ended'))).toHaveLength(1)
})

/** An execution of one task that takes this argument, started; how it ended and how much virtual time it took. */
async function ran(Resource: string, Arguments: object, more: object = {}) {
  const States = { Call: { Type: 'Task', Resource, Arguments, End: true, ...more } }
  const definition = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'Call', States })
  const name = `m${account.clock.now()}${Math.random()}`.replace('.', '')
  const make = new CreateStateMachineCommand({ name, definition, roleArn: roleArn() })
  const { stateMachineArn = '' } = await call(() => new SFNClient(settings()).send(make))
  const startMs = account.clock.now()
  const ended = await account.states.waitFor(account.states.start(stateMachineArn, {}))
  return { ...ended, tookMs: account.clock.now() - startMs }
}

describe('a call of the SDK by a state machine', () => {
  const INVOKE = 'arn:aws:states:::aws-sdk:lambda:invoke'

  test('lets a function sleep that it waits for', async () => {
    const FunctionName = register('dozes', 'await sleep(600000); return 7')
    const { status, output, tookMs } = await ran(INVOKE, { FunctionName })
    expect({ status, output, tookMs }).toMatchObject({
      status: 'SUCCEEDED',
      output: { StatusCode: 200, Payload: '7' },
      tookMs: 10 * MINUTE_MS,
    })
  })

  test('ends with the limits of its Task while the function sleeps (AWS facts C.4)', async () => {
    const FunctionName = register('sleeps', 'await sleep(600000)')
    const { error, tookMs } = await ran(INVOKE, { FunctionName }, { TimeoutSeconds: 30 })
    expect([error, tookMs]).toEqual(['States.Timeout', 30 * SECOND_MS])
  })

  test('polls a queue for as long as it asked to', async () => {
    const make = new CreateQueueCommand({ QueueName: 'empty' })
    const { QueueUrl } = await call(() => new SQSClient(settings()).send(make))
    const { status, tookMs } = await ran('arn:aws:states:::aws-sdk:sqs:receiveMessage', {
      QueueUrl,
      WaitTimeSeconds: 20,
    })
    expect([status, tookMs]).toEqual(['SUCCEEDED', 20 * SECOND_MS])
  })
})

test('each invocation has a trace id', async () => {
  const { payload } = await timed('trace', 'return process.env._X_AMZN_TRACE_ID')
  expect(payload).toMatch(/^Root=1-[\da-f]{8}-[\da-f]{24};Parent=[\da-f]{16};Sampled=0$/)
})

/** Runs a machine of one Task, and says how much virtual time it took. */
async function runTask(name: string, functionArn: string, limits: object) {
  const task = {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: functionArn, Payload: {} },
    ...limits,
    End: true,
  }
  const definition = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'Task', States: { Task: task } })
  const create = new CreateStateMachineCommand({ name, roleArn: roleArn(), definition })
  const { stateMachineArn = '' } = await call(() => new SFNClient(settings()).send(create))
  const startMs = account.clock.now()
  const arn = account.states.start(stateMachineArn, {})
  return { arn, ...(await account.states.waitFor(arn)), tookMs: account.clock.now() - startMs }
}

describe("a Task's limits", () => {
  test.each([
    ['sleeps', 'await sleep(60_000)', 0],
    ['waits for a late answer', 'await ec2.describeVolumes({})', MINUTE_MS],
  ])(
    'strike a plain invocation that %s; the function goes on, and nobody hears its answer (AWS facts C.4)',
    async (how, body, delayMs) => {
      if (delayMs > 0) delayVolumes(delayMs)
      const name = how.split(' ')[0] ?? ''
      const arn = register(name, `${body}; console.log('ended'); return 'late'`)
      const result = await runTask(name, arn, { TimeoutSeconds: 5 })
      expect(result).toMatchObject({ status: 'FAILED', error: 'States.Timeout', tookMs: 5 * SECOND_MS })
      const ended = (): number => account.lambda.logs(name).filter((line) => line.endsWith('ended')).length
      expect(ended()).toBe(0)
      await account.clock.sleep(MINUTE_MS)
      expect(ended()).toBe(1)
      expect((await account.states.waitFor(result.arn)).error).toBe('States.Timeout')
    },
  )

  test('a heartbeat that nobody sends is missed by a plain invocation too (AWS facts C.4)', async () => {
    const arn = register('beats', 'await sleep(60_000)')
    const result = await runTask('beats', arn, { TimeoutSeconds: 50, HeartbeatSeconds: 10 })
    expect(result).toMatchObject({ error: 'States.HeartbeatTimeout', tookMs: 10 * SECOND_MS })
  })

  test('retries overlap with the function that still runs', async () => {
    const arn = register('overlaps', "await sleep(8000); console.log('ended'); return 'done'")
    const Retry = [{ ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, MaxAttempts: 1 }]
    const result = await runTask('overlaps', arn, { TimeoutSeconds: 5, Retry })
    expect(result).toMatchObject({ error: 'States.Timeout', tookMs: 11 * SECOND_MS })
    await account.clock.sleep(MINUTE_MS)
    expect(account.lambda.logs('overlaps').filter((line) => line.endsWith('ended'))).toHaveLength(2)
  })
})
