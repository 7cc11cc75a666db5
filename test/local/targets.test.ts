import * as sqsSdk from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { manualClock } from '../../local/clock.ts'
import { createTargets } from '../../local/events/targets.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities, sessionArnOf } from '../../local/identities.ts'
import { createScheduler } from '../../local/scheduler/scheduler.ts'
import { callUniversal } from '../../local/scheduler/universal.ts'
import { createSqs } from '../../local/sqs/sqs.ts'
import { Connections } from '../../local/wire/connections.ts'
import { startWireServer, type ObservedCall, type WireServer } from '../../local/wire/server.ts'
import { AwsError } from '../../local/wire/service.ts'

/** Rules and schedules reach functions, state machines, queues and any operation; IAM is asked first. */
const ACCOUNT_ID = '111122223333'
const REGION = 'eu-west-1'
const ROLE = `arn:aws:iam::${ACCOUNT_ID}:role/schedules`
const arnOf = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${rest}`
const FUNCTION = arnOf('lambda', 'function:wake')
const MACHINE = arnOf('states', 'stateMachine:protect')
const QUEUE = arnOf('sqs', 'letters')
const RULE = arnOf('events', 'rule/wake')
const SCHEDULE = arnOf('scheduler', 'schedule/prod/daily')
const GROUP = arnOf('scheduler', 'schedule-group/prod')

let done: unknown[]
let asked: unknown[]
let denies = false

const targetsFor = (principal: string) =>
  createTargets({
    principal,
    invokeFunction: (arn, payload) => done.push(['invoke', arn, payload]),
    startExecution: (arn, input) => done.push(['start', arn, input]),
    sendMessage: (arn, body, attributes) => done.push(['send', arn, body, attributes]),
    permit: (who, requests, source) => {
      asked.push([who, requests.map(({ action, resource }) => `${action} ${resource}`), source])
      if (denies) throw new AwsError('AccessDeniedException', 'No.', { status: 403 })
    },
  })

beforeEach(() => {
  done = []
  asked = []
  denies = false
})

describe('a rule', () => {
  it('invokes a function and sends to a queue in the name of EventBridge, and starts a machine as its role', async () => {
    const { deliver } = targetsFor('events.amazonaws.com')
    await deliver({ arn: FUNCTION, input: { a: 1 } }, RULE)
    await deliver({ arn: QUEUE, input: { a: 1 } }, RULE)
    await deliver({ arn: MACHINE, roleArn: ROLE, input: { a: 1 } }, RULE)
    expect(done).toEqual([
      ['invoke', FUNCTION, { a: 1 }],
      ['send', QUEUE, '{"a":1}', undefined],
      ['start', MACHINE, { a: 1 }],
    ])
    expect(asked).toEqual([
      ['events.amazonaws.com', [`lambda:InvokeFunction ${FUNCTION}`], RULE],
      ['events.amazonaws.com', [`sqs:SendMessage ${QUEUE}`], RULE],
      [ROLE, [`states:StartExecution ${MACHINE}`], RULE],
    ])
  })
})

describe('a schedule', () => {
  it('acts as its role for its group (AWS facts D.1); a queue gets its input as it was written', async () => {
    const { deliver } = targetsFor('scheduler.amazonaws.com')
    await deliver({ arn: QUEUE, roleArn: ROLE, input: 'plain', text: 'plain' }, SCHEDULE)
    expect(done).toEqual([['send', QUEUE, 'plain', undefined]])
    expect(asked).toEqual([[ROLE, [`sqs:SendMessage ${QUEUE}`], GROUP]])
  })

  it('that may not does nothing, and its dead letter needs a permission of its own (AWS facts D.1)', async () => {
    denies = true
    const { deliver, sendDeadLetter } = targetsFor('scheduler.amazonaws.com')
    await expect(deliver({ arn: MACHINE, roleArn: ROLE, input: {} }, SCHEDULE)).rejects.toThrow('No.')
    const letter = {
      queueArn: QUEUE,
      sourceArn: SCHEDULE,
      roleArn: ROLE,
      body: '{}',
      attributes: { RETRY_ATTEMPTS: 3 },
    }
    expect(() => sendDeadLetter(letter)).toThrow('No.')
    expect(done).toEqual([])
    denies = false
    sendDeadLetter(letter)
    const RETRY_ATTEMPTS = { DataType: 'Number', StringValue: '3' }
    expect(done).toEqual([['send', QUEUE, '{}', { RETRY_ATTEMPTS }]])
  })
})

describe('a universal target', () => {
  const clock = manualClock(Date.UTC(2026, 2, 1))
  const identities = createIdentities({ accountId: ACCOUNT_ID })
  const calls: ObservedCall[] = []
  const credentialsFor = (roleArn: string) =>
    identities.session({
      arn: sessionArnOf(roleArn, 'scheduler'),
      accountId: ACCOUNT_ID,
      issuedMs: 0,
      expiresMs: Infinity,
    })
  let server: WireServer
  const connections = new Connections()

  beforeAll(async () => {
    const options = { clock, accountId: ACCOUNT_ID, region: REGION, endpoint: () => server.endpoint }
    const { service } = createSqs(options)
    server = await startWireServer({
      services: [service],
      identify: identities.identify,
      region: REGION,
      faults: new Faults(),
      clock,
      connections,
      onCall: (call) => calls.push(call),
    })
  })
  afterAll(() => server.close())

  it('calls the operation through the SDK as the role, and fails as the service says (AWS facts D.1)', async () => {
    const call = (operation: string, input: object): Promise<void> =>
      callUniversal(
        { endpoint: () => server.endpoint, region: REGION, clock, connections, credentialsFor },
        { operation, input, roleArn: ROLE, sourceArn: GROUP },
      )
    await call('sqs:createQueue', { QueueName: 'made' })
    expect(calls).toMatchObject([
      { operation: 'CreateQueue', caller: { arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/schedules/scheduler` } },
    ])
    const gone = call('sqs:deleteQueue', { QueueUrl: `${server.endpoint}/${ACCOUNT_ID}/gone` })
    await expect(gone).rejects.toMatchObject({ code: sqsSdk.QueueDoesNotExist.name, status: 400 })
    await expect(call('sqs:fly', {})).rejects.toMatchObject({ code: 'ValidationException' })
  })

  it('gets its input with the context words filled in', async () => {
    const delivered: unknown[] = []
    const scheduler = createScheduler({
      clock,
      accountId: ACCOUNT_ID,
      region: REGION,
      deliver: async ({ input }) => void delivered.push(input),
    })
    const create = scheduler.service.operations['CreateSchedule']
    const Input = JSON.stringify({ Name: 'run-<aws.scheduler.scheduled-time>' })
    const Arn = 'arn:aws:scheduler:::aws-sdk:sfn:startExecution'
    const Target = { Arn, RoleArn: ROLE, Input }
    const input = { Name: 'a', ScheduleExpression: 'rate(1 hour)', FlexibleTimeWindow: { Mode: 'OFF' }, Target }
    const caller = { accountId: ACCOUNT_ID, region: REGION, arn: '', accessKeyId: '', requestId: '' }
    create?.(input as never, caller)
    await clock.advance(1000)
    expect(delivered).toEqual([{ Name: 'run-2026-03-01T00:00:00Z' }])
    scheduler.stop()
  })
})
